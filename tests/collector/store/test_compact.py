"""Which blocks become one, and that nothing is lost or doubled by it, whenever the process ends."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from collector.model import Labels, ManualClock, Matcher
from collector.model.errors import StorageError
from collector.model.samples import SampleBatch
from collector.store.compact import Extent, plan
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb

SPAN_MS = 10_000
OPTIONS = StoreOptions(
    head_ms=SPAN_MS, block_spans_ms=(3 * SPAN_MS, 9 * SPAN_MS), out_of_order_window_ms=5 * SPAN_MS
)
EVERYTHING = [Matcher("=~", "__name__", ".+")]


def extents(*spans: tuple[int, int]) -> list[Extent]:
    return [Extent(f"{lo}-{hi}", lo, hi) for lo, hi in spans]


@pytest.mark.parametrize(
    ("spans", "until_ms", "expected"),
    [
        ([], 100, []),
        ([(0, 9)], 100, []),
        ([(0, 9), (10, 19)], 29, []),
        ([(0, 9), (10, 19)], 30, ["0-9", "10-19"]),
        ([(0, 9), (10, 19), (20, 29), (30, 39)], 39, ["0-9", "10-19", "20-29"]),
        ([(0, 29), (30, 59), (60, 89)], 89, []),
        ([(0, 29), (30, 59), (60, 89)], 90, ["0-29", "30-59", "60-89"]),
        ([(0, 9), (5, 6)], 10, ["0-9", "5-6"]),
        ([(0, 9), (20, 40), (30, 50), (50, 60)], 10, ["20-40", "30-50", "50-60"]),
    ],
)
def test_blocks_become_one_when_their_span_has_passed_or_they_overlap(
    spans: list[tuple[int, int]], until_ms: int, expected: list[str]
) -> None:
    assert plan(extents(*spans), (30, 90), until_ms) == expected


def content(store: Tsdb) -> dict[tuple[Labels, int], float]:
    return {
        (labels, at_ms): value
        for one in store.select(EVERYTHING, -1, 2**62)
        for labels, row in zip(one.labels, one.values.tolist(), strict=True)
        for at_ms, value in zip(one.timestamps_ms.tolist(), row, strict=True)
        if value == value
    }


def filled_store(directory: Path, clock: ManualClock) -> Tsdb:
    """Eleven spans in blocks, with late samples that made some blocks overlap."""
    store = Tsdb.open(directory, clock, OPTIONS)
    refs = store.refs("a", [Labels.of("x_total", n=str(i)) for i in range(5)])
    for row in range(110):
        clock.advance(1000)
        store.append_row("a", 1000 * row, refs, np.arange(5) * 1e6 + row)
        if row > 20 and row % 20 == 13:
            late = np.full(2, 1000 * row - 20_500)
            store.append("b", SampleBatch(refs[:2], late, np.full(2, 0.5 + row)))
        store.maintain()
    clock.advance(20_000)
    store.maintain()
    return store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(0)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Tsdb]:
    store = filled_store(tmp_path, clock)
    yield store
    store.close()


def test_compaction_loses_and_doubles_nothing(store: Tsdb) -> None:
    before, blocks = content(store), store.status().blocks
    store.compact()
    assert content(store) == before
    assert len(before) > 550
    assert store.status().blocks < blocks / 3


def test_a_compacted_store_opens_with_the_same_content(
    store: Tsdb, tmp_path: Path, clock: ManualClock
) -> None:
    before = content(store)
    store.compact()
    store.close()
    again = Tsdb.open(tmp_path, clock, OPTIONS)
    assert content(again) == before
    again.close()


def test_a_crash_before_the_old_blocks_are_gone_leaves_no_sample_twice(
    store: Tsdb, tmp_path: Path, clock: ManualClock
) -> None:
    before, saved = content(store), tmp_path / "saved"
    shutil.copytree(tmp_path / "blocks", saved)
    store.compact()
    store.close()
    for path in saved.iterdir():
        shutil.copytree(path, tmp_path / "blocks" / path.name, dirs_exist_ok=True)
    again = Tsdb.open(tmp_path, clock, OPTIONS)
    assert content(again) == before
    names = {path.name for path in (tmp_path / "blocks").iterdir()}
    assert len(names) == again.status().blocks
    again.close()


def test_a_block_that_was_being_written_is_removed_at_start(
    store: Tsdb, tmp_path: Path, clock: ManualClock
) -> None:
    before = content(store)
    store.close()
    (tmp_path / "blocks" / "000000000000000-0000000001-00001.tmp").mkdir()
    again = Tsdb.open(tmp_path, clock, OPTIONS)
    assert content(again) == before
    assert not list((tmp_path / "blocks").glob("*.tmp"))
    again.close()


def test_a_query_that_has_begun_reads_blocks_that_are_removed_meanwhile(store: Tsdb) -> None:
    before = content(store)
    refs, windows = store._windows(EVERYTHING, -1, 2**62)
    store.compact()
    from collector.store import merge

    found = merge.slices(refs, windows, store.labels_of)
    samples = sum(int((one.values == one.values).sum()) for one in found)
    assert samples == len(before)


def damage(path: Path) -> None:
    """Let one bit of the samples differ."""
    group = pq.ParquetFile(path).metadata.row_group(0)
    column = group.column(group.num_columns - 1)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset + column.total_compressed_size - 3] ^= 1
    path.write_bytes(bytes(data))


def test_a_damaged_block_is_told_and_the_rest_answers(
    store: Tsdb, tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    before = content(store)
    store.close()
    first = min((tmp_path / "blocks").iterdir())
    damage(first / "integers.parquet")
    store = Tsdb.open(tmp_path, clock, OPTIONS)
    after = content(store)
    assert after.items() < before.items()
    assert {at for _, at in before.keys() - after.keys()} <= set(range(SPAN_MS))
    assert store.status().damaged_blocks == 1
    assert first.name in caplog.text
    store.compact()
    assert first.exists()
    assert content(store) == after
    store.close()


def test_what_is_damaged_where_no_query_looks_is_not_merged(
    store: Tsdb, tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.close()
    blocks = set((tmp_path / "blocks").iterdir())
    for block in blocks:
        damage(block / "series.parquet")  # for other readers: tocsin reads the index
    store = Tsdb.open(tmp_path, clock, OPTIONS)
    before = content(store)
    store.compact()
    assert set((tmp_path / "blocks").iterdir()) == blocks
    assert "it is not compacted" in caplog.text
    assert content(store) == before
    store.close()


def test_a_block_without_an_index_is_left_out_and_told(
    store: Tsdb, tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.close()
    first = min((tmp_path / "blocks").iterdir())
    (first / "index").write_bytes(b"TOCSBLK1 and more")
    again = Tsdb.open(tmp_path, clock, OPTIONS)
    assert again.status().damaged_blocks == 1
    assert "its index is damaged" in caplog.text
    assert content(again)
    again.close()


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "mkdir"])
@pytest.mark.parametrize("errno", [5, 28])
def test_a_disk_that_fails_costs_nothing_and_compaction_goes_on_when_it_is_well(
    store: Tsdb, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: str, errno: int
) -> None:
    before, names = content(store), sorted((tmp_path / "blocks").iterdir())
    true = getattr(os, call)
    calls = [0]

    def fails(*args: object, **kwargs: object) -> object:
        calls[0] += 1
        if calls[0] >= 3 or call in ("rename", "mkdir"):
            raise OSError(errno, os.strerror(errno))
        return true(*args, **kwargs)

    monkeypatch.setattr(os, call, fails)
    with pytest.raises(StorageError, match=r"No space left|Input/output"):
        store.compact()
    monkeypatch.undo()
    assert sorted((tmp_path / "blocks").iterdir()) == names
    assert content(store) == before
    store.compact()
    assert content(store) == before
    assert store.status().blocks < len(names)


def test_short_writes_are_finished(store: Tsdb, monkeypatch: pytest.MonkeyPatch) -> None:
    before, true = content(store), os.write
    monkeypatch.setattr(os, "write", lambda to, data: true(to, bytes(data)[:7]))
    store.compact()
    monkeypatch.undo()
    assert content(store) == before
