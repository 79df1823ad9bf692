"""Blocks are Parquet that anyone reads, in the encodings that suit the values."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from collector.model import Labels, ManualClock, Matcher
from collector.model.errors import StorageError
from collector.model.samples import STALE
from collector.store.block import Block
from collector.store.block_cache import RowGroups
from collector.store.block_files import SampleReader
from collector.store.block_rows import ROW_GROUP_ROWS
from collector.store.narrow import Narrow, as_they_are
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb

HOUR_MS = 3600 * 1000
START_MS = 1_700_000_000_000 // (2 * HOUR_MS) * 2 * HOUR_MS
COUNTER, GAUGE = Labels.of("x_total", job="a"), Labels.of("y", job="a")


@pytest.fixture
def store(tmp_path: Path) -> Tsdb:
    clock = ManualClock(START_MS)
    store = Tsdb.open(tmp_path, clock)
    refs = store.refs("a", [GAUGE, COUNTER])
    for row in range(480):
        values = np.array([row / 7, float(row)]) if row < 479 else np.array([STALE, 479.0])
        store.append_row("a", START_MS + row * 15_000, refs, values)
    clock.advance(4 * HOUR_MS)
    store.maintain()
    return store


def block_of(directory: Path) -> Path:
    (path,) = (directory / "blocks").iterdir()
    return path


def test_the_columns_are_open_to_any_reader(store: Tsdb, tmp_path: Path) -> None:
    path = block_of(tmp_path)
    series = pq.read_table(path / "series.parquet").to_pylist()
    assert series == [
        {"series": 0, "name": "x_total", "labels": [("job", "a")]},
        {"series": 1, "name": "y", "labels": [("job", "a")]},
    ]
    integers = pq.read_table(path / "integers.parquet")
    assert integers.column_names == ["series", "part", "timestamp", "exponent", "delta"]
    assert integers["delta"].to_pylist() == [0] + [1] * 479
    assert integers["timestamp"].cast("int64").to_pylist()[:2] == [START_MS, START_MS + 15_000]
    floats = pq.read_table(path / "floats.parquet")
    assert set(floats["series"].to_pylist()) == {1}
    assert floats["value"].to_pylist()[:479] == [row / 7 for row in range(479)]
    store.close()


def test_each_column_has_the_encoding_that_suits_it(store: Tsdb, tmp_path: Path) -> None:
    for name in ("integers.parquet", "floats.parquet"):
        group = pq.ParquetFile(block_of(tmp_path) / name).metadata.row_group(0)
        columns = {
            group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)
        }
        assert {column.compression for column in columns.values()} == {"ZSTD"}
        assert "BYTE_STREAM_SPLIT" in columns["delta" if "delta" in columns else "value"].encodings
        assert "DELTA_BINARY_PACKED" in columns["timestamp"].encodings
    store.close()


def test_a_flipped_bit_of_a_page_is_never_taken_for_samples(store: Tsdb, tmp_path: Path) -> None:
    path = block_of(tmp_path) / "floats.parquet"
    store.close()
    column = pq.read_metadata(path).row_group(0).column(3)
    assert column.path_in_schema == "value"
    begin, whole = column.data_page_offset, path.read_bytes()
    end = begin + column.total_compressed_size
    damaged = path.with_name("damaged.parquet")
    for offset in range(begin + (end - begin) // 4, end, 97):  # behind the head of the page
        some = bytearray(whole)
        some[offset] ^= 1 << offset % 8
        damaged.unlink(missing_ok=True)  # the last one is still mapped
        damaged.write_bytes(some)
        with pytest.raises(StorageError):
            SampleReader(damaged).group(0)


def test_stale_markers_keep_their_bits_on_disk(store: Tsdb, tmp_path: Path) -> None:
    store.close()
    reopened = Tsdb.open(tmp_path, ManualClock(START_MS + 4 * HOUR_MS))
    (one,) = reopened.select([Matcher("=", "__name__", "y")], 0, 2**62)
    expected = np.array([*(row / 7 for row in range(479)), STALE])
    assert one.values.view(np.int64).tolist() == [expected.view(np.int64).tolist()]
    reopened.close()


def test_series_over_several_row_groups_come_back(tmp_path: Path) -> None:
    rows, count = 1000, 300
    assert rows * count > 2 * ROW_GROUP_ROWS
    clock = ManualClock(START_MS)
    store = Tsdb.open(tmp_path, clock, StoreOptions(head_ms=1_000_000))
    refs = store.refs("a", [Labels.of("x", n=f"{i:03}") for i in range(count)])
    base = START_MS // 1_000_000 * 1_000_000
    for row in range(rows):
        store.append_row("a", base + row * 1000, refs, np.arange(count) * 1e6 + row)
    clock.advance(4_000_000)
    store.maintain()
    assert store.status().blocks == 1
    (one,) = store.select([Matcher("=~", "n", ".*7")], base + 499_000, base + 600_000)
    expected = np.arange(7, count, 10)[:, None] * 1e6 + np.arange(500, 601)
    assert (one.values == expected).all()
    store.close()


def test_the_cache_of_row_groups_has_an_end(tmp_path: Path) -> None:
    reads: list[int] = []

    def read(number: int) -> Narrow:
        reads.append(number)
        return as_they_are(np.array([number]))

    groups = RowGroups(max_bytes=16)
    for number in (0, 0, 1, 2, 0):
        assert groups.values(tmp_path / "f", number, read).values.tolist() == [number]
    assert reads == [0, 1, 2, 0]


@pytest.mark.parametrize(("step", "bytes_each"), [(1, 1), (-129, 2), (70_000, 4), (2**40, 8)])
def test_decoded_counters_are_kept_in_as_few_bytes_as_they_grow_by(
    tmp_path: Path, step: int, bytes_each: int
) -> None:
    clock = ManualClock(START_MS)
    store = Tsdb.open(tmp_path, clock)
    refs = store.refs("a", [Labels.of("x")])
    values = [float(row * step) + 2**47 if row % 50 else STALE for row in range(480)]
    for row, value in enumerate(values):
        store.append_row("a", START_MS + row * 15_000, refs, np.array([value]))
    clock.advance(4 * HOUR_MS)
    store.maintain()
    for _ in range(2):
        (one,) = store.select([Matcher("=", "__name__", "x")], 0, 2**62)
        assert one.values.view(np.int64)[0].tolist() == np.array(values).view(np.int64).tolist()
    first_bytes = 16 if bytes_each < 8 else 0
    assert store._blocks._row_groups.nbytes == 480 * bytes_each + first_bytes
    store.close()


def test_labels_beyond_ascii_are_open_to_any_reader(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    store = Tsdb.open(tmp_path, clock)
    names = ["é", "日本", "", "plain"]
    refs = store.refs("a", [Labels.of("x", ö=name, z="1") for name in names])
    store.append_row("a", START_MS, refs, np.arange(4.0))
    clock.advance(4 * HOUR_MS)
    store.maintain()
    series = pq.read_table(block_of(tmp_path) / "series.parquet").to_pylist()
    found = {dict(one["labels"]).get("ö", "") for one in series}
    assert found == set(names)
    assert all(dict(one["labels"])["z"] == "1" for one in series)
    store.close()


WITHOUT_PANDAS = """
import sys, numpy as np
from pathlib import Path
from collector.model import Labels, ManualClock, Matcher
from collector.store.narrow import Narrow, as_they_are
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb
clock = ManualClock(0)
store = Tsdb.open(Path(sys.argv[1]), clock, StoreOptions(head_ms=100, block_spans_ms=(400,)))
refs = store.refs("a", [Labels.of("x"), Labels.of("y")])
for row in range(1000):
    store.append_row("a", row, refs, np.array([row, row / 7]) if row % 9 else np.full(2, np.nan))
    clock.advance(1)
    if row % 100 == 99:
        store.maintain()
store.compact()
(one,) = store.select([Matcher("!=", "__name__", "")], -1, 500)
assert store.status().blocks and one.values.size == 1002
sys.exit("pandas" in sys.modules)
"""


def test_blocks_are_written_and_read_without_the_weight_of_pandas(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_PANDAS, str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert run.returncode == 0, run.stderr


def test_a_block_of_a_cut_that_did_not_finish_is_cut_again(store: Tsdb, tmp_path: Path) -> None:
    path = block_of(tmp_path)
    later = path.with_name(path.name.replace("-0000000002-", "-0000000099-"))
    path.rename(later)
    store.close()
    reopened = Tsdb.open(tmp_path, ManualClock(START_MS + 4 * HOUR_MS))
    assert not later.exists()
    reopened.close()


def test_a_block_knows_its_span(store: Tsdb, tmp_path: Path) -> None:
    block = Block.open(block_of(tmp_path), {COUNTER: 7, GAUGE: 3}.__getitem__, RowGroups())
    assert (block.first_ms, block.last_ms) == (START_MS, START_MS + 479 * 15_000)
    assert block.samples == 960
    assert not block.overlaps(block.last_ms, 2**62)
    assert block.overlaps(block.last_ms - 1, block.last_ms)
    store.close()


def test_many_threads_read_one_block_at_once(store: Tsdb, tmp_path: Path) -> None:
    block = Block.open(
        block_of(tmp_path), {COUNTER: 0, GAUGE: 1}.__getitem__, RowGroups(max_bytes=0)
    )
    (part,) = block.parts()

    def read(_: int) -> float:
        out = np.empty((1, 480))
        part.fill(np.zeros(1, np.int64), 0, 480, out)
        return float(out.sum())

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(read, range(400))) == {480 * 479 / 2}
    store.close()
