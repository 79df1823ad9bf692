"""What a crash, a torn record or a full disk may cost: nothing that was acknowledged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.errors import StorageError
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import Int64s
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb

START_MS = 1_700_000_000_000
SERIES = [Labels.of("x_total", n=str(i)) for i in range(50)]
ALL = ([Matcher("=", "__name__", "x_total")], -1, 2**62)
WRITER = """
import sys, numpy as np, pyarrow.parquet
from pathlib import Path
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb
clock = ManualClock(1_700_000_000_000)
store = Tsdb.open(Path(sys.argv[1]), clock, StoreOptions(head_ms=400, segment_bytes=50_000))
refs = store.refs("s", [Labels.of("x_total", n=str(i)) for i in range(50)])
row = int(sys.argv[2])
clock.advance(row)
while True:
    store.append_row("s", 1_700_000_000_000 + row, refs, np.arange(50.0) + row)
    sys.stdout.write(f"{row}\\n")
    sys.stdout.flush()
    clock.advance(1)
    row += 1
    if row % 100 == 0:
        store.maintain()
"""


def opened(directory: Path) -> Tsdb:
    return Tsdb.open(directory, ManualClock(START_MS), StoreOptions(head_ms=400))


def kill(store: Tsdb) -> None:
    """What a killed process leaves: its files as they are, and no lock."""
    os.close(store._lock_descriptor)


def held(store: Tsdb) -> list[int]:
    """The rows that the store has, each proved to be whole."""
    slices = store.select(*ALL)
    if not slices:
        return []
    (one,) = slices
    rows: list[int] = (one.timestamps_ms - START_MS).tolist()
    assert (one.values == np.arange(len(one.refs))[:, None] + np.array(rows)).all()
    return rows


def rows_in(directory: Path) -> list[int]:
    store = opened(directory)
    rows = held(store)
    total = store.counter_totals(store.match(ALL[0])).total
    assert (total == max(len(rows) - 1, 0)).all(), "each row after the first adds one"
    store.close()
    return rows


def test_kill_9_loses_no_acknowledged_row(tmp_path: Path) -> None:
    acknowledged = -1
    for rows in (1, 1730, 901):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(acknowledged + 1)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(rows)]
        os.kill(writer.pid, signal.SIGKILL)
        lines += writer.stdout
        writer.wait()
        acknowledged = max(int(line) for line in lines if line.endswith("\n"))
        kept = rows_in(tmp_path)
        assert kept == list(range(len(kept)))
        assert len(kept) > acknowledged
        acknowledged = len(kept) - 1
    assert len(list((tmp_path / "blocks").iterdir())) > 1


def three_rows(directory: Path, count: int = 50) -> tuple[Path, int]:
    """A log whose process was killed, and the size of its last record."""
    store = opened(directory)
    refs = store.refs("s", SERIES[:count])
    sizes = []
    for row in range(3):
        store.append_row("s", START_MS + row, refs, np.arange(count) + float(row))
        sizes.append(store._log.wal.segment_bytes)
    kill(store)
    (segment,) = (directory / "wal").glob("*.wal")
    return segment, sizes[2] - sizes[1]


def test_a_last_record_torn_at_any_byte_costs_only_itself(tmp_path: Path) -> None:
    segment, record_bytes = three_rows(tmp_path / "whole", count=3)
    whole = segment.read_bytes()
    for cut in range(1, record_bytes):
        directory = tmp_path / f"cut{cut}"
        (directory / "wal").mkdir(parents=True)
        (directory / "wal" / segment.name).write_bytes(whole[:-cut])
        store = opened(directory)
        assert held(store) == [0, 1]
        assert store.status().torn_bytes == record_bytes - cut
        assert store.status().damaged_records == 0
        store.append_row("s", START_MS + 2, store.refs("s", SERIES[:3]), np.arange(3.0) + 2)
        kill(store)
        assert rows_in(directory) == [0, 1, 2]


def test_a_flipped_bit_in_a_row_costs_that_row_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    segment, record_bytes = three_rows(tmp_path)
    damaged = bytearray(segment.read_bytes())
    damaged[-record_bytes - 30] ^= 4
    segment.write_bytes(damaged)
    store = opened(tmp_path)
    assert held(store) == [0, 2]
    assert store.status().damaged_records == 1
    assert "damaged" in caplog.text
    store.close()


def test_a_flipped_bit_anywhere_never_stops_a_start(tmp_path: Path) -> None:
    segment, _ = three_rows(tmp_path / "whole")
    whole = segment.read_bytes()
    for at in range(0, len(whole), 41):
        directory = tmp_path / str(at)
        (directory / "wal").mkdir(parents=True)
        (directory / "wal" / segment.name).write_bytes(
            whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :]
        )
        store = opened(directory)
        assert set(held(store)) < {0, 1, 2}
        status = store.status()
        assert status.damaged_records + status.torn_bytes > 0
        store.close()


@pytest.mark.parametrize("file", ["*.checkpoint", "index"])
def test_a_damaged_checkpoint_or_block_is_told_and_the_rest_is_served(
    tmp_path: Path, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock(START_MS)
    store = Tsdb.open(tmp_path, clock, StoreOptions(head_ms=400))
    refs = store.refs("s", SERIES)
    for row in range(1000):
        store.append_row("s", START_MS + row, refs, np.arange(50.0) + row)
        clock.advance(1)
    store.maintain()
    store.append_row("s", START_MS + 1000, refs, np.arange(50.0) + 1000)
    whole = held(store)
    kill(store)
    path = next(tmp_path.rglob(file))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    store = opened(tmp_path)
    assert 100 < len(held(store)) < len(whole)
    assert "damaged" in caplog.text
    store.close()


def append_until_refused(store: Tsdb, refs: Int64s) -> int:
    """Rows from 1 on; answers the first that was not taken."""
    for row in range(1, 10_000):
        try:
            store.append_row("s", START_MS + row, refs, np.arange(50.0) + row)
        except StorageError as error:
            refusal = str(error)
            break
    else:
        pytest.fail("the disk never filled up")
    assert "free some disk space" in refusal
    return row


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    mount = tmp_path / "small"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(mount)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=True)


def test_a_full_disk_is_told_costs_nothing_and_ends_by_itself(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    store = opened(small_disk / "data")
    refs = store.refs("s", SERIES)
    store.append_row("s", START_MS, refs, np.arange(50.0))
    ballast.write_bytes(b"x" * 800_000)
    taken = append_until_refused(store, refs)
    assert held(store) == list(range(taken))
    with pytest.raises(StorageError, match="free some disk space"):
        store.refs("s", [Labels.of("y" * 100_000)])
    assert len(store.match([])) == 50
    ballast.unlink()
    store.append_row("s", START_MS + taken, refs, np.arange(50.0) + taken)
    kill(store)
    assert rows_in(small_disk / "data") == list(range(taken + 1))


def test_a_disk_too_full_for_a_block_keeps_all_and_cuts_it_later(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    clock = ManualClock(START_MS)
    store = Tsdb.open(small_disk / "data", clock, StoreOptions(head_ms=400))
    refs = store.refs("s", SERIES)
    ballast.write_bytes(b"x" * 300_000)
    taken = append_until_refused(store, refs)
    clock.advance(taken)
    with pytest.raises(StorageError, match="free some disk space"):
        store.maintain()
    assert held(store) == list(range(1, taken))
    assert not list((small_disk / "data" / "blocks").iterdir())
    ballast.unlink()
    store.maintain()
    assert store.status().blocks > 0
    assert held(store) == list(range(1, taken))
    store.close()
