"""What a crash, a torn record or a full disk may cost: nothing that was acknowledged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.errors import StorageError
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import Int64s
from collector.store.tsdb import Tsdb

START_MS = 1_700_000_000_000
SERIES = [Labels.of("x_total", n=str(i)) for i in range(50)]
ALL = ([Matcher("=", "__name__", "x_total")], -1, 2**62)
WRITER = """
import sys, numpy as np
from pathlib import Path
from collector.model.clock import SystemClock
from collector.model.labels import Labels
from collector.store.tsdb import Tsdb
store = Tsdb.open(Path(sys.argv[1]), SystemClock())
refs = store.refs("s", [Labels.of("x_total", n=str(i)) for i in range(50)])
row = int(sys.argv[2])
while True:
    store.append_row("s", 1_700_000_000_000 + row, refs, np.arange(50.0) + row)
    sys.stdout.write(f"{row}\\n")
    sys.stdout.flush()
    row += 1
"""


def opened(directory: Path) -> Tsdb:
    return Tsdb.open(directory, ManualClock(START_MS))


def rows_in(directory: Path) -> list[int]:
    store = opened(directory)
    slices = store.select(*ALL)
    store.close()
    if not slices:
        return []
    (one,) = slices
    rows: list[int] = (one.timestamps_ms - START_MS).tolist()
    assert (one.values == np.arange(50.0)[:, None] + np.array(rows)).all()
    return rows


def test_kill_9_loses_no_acknowledged_row(tmp_path: Path) -> None:
    acknowledged = -1
    for _ in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(acknowledged + 1)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        first = writer.stdout.readline()
        time.sleep(0.05)
        os.kill(writer.pid, signal.SIGKILL)
        lines = [first, *writer.stdout]
        writer.wait()
        acknowledged = max(int(line) for line in lines if line.endswith("\n"))
        kept = rows_in(tmp_path)
        assert kept == list(range(len(kept)))
        assert len(kept) > acknowledged
        acknowledged = len(kept) - 1


def three_rows(directory: Path) -> Path:
    store = opened(directory)
    refs = store.refs("s", SERIES)
    for row in range(3):
        store.append_row("s", START_MS + row, refs, np.arange(50.0) + row)
    store.close()
    (segment,) = (directory / "wal").glob("*.wal")
    return segment


def test_a_last_record_torn_at_any_byte_costs_only_itself(tmp_path: Path) -> None:
    whole = three_rows(tmp_path / "whole").read_bytes()
    record_bytes = 9 + 13 + 50 * 8
    for cut in range(1, record_bytes, 7):
        directory = tmp_path / f"cut{cut}"
        (directory / "wal").mkdir(parents=True)
        (directory / "wal" / "0000000001.wal").write_bytes(whole[:-cut])
        assert rows_in(directory) == [0, 1]
        store = opened(directory)
        refs = store.refs("s", SERIES)
        store.append_row("s", START_MS + 2, refs, np.arange(50.0) + 2)
        store.close()
        assert rows_in(directory) == [0, 1, 2]


def test_a_flipped_bit_is_found_and_contained(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    segment = three_rows(tmp_path)
    damaged = bytearray(segment.read_bytes())
    damaged[-30] ^= 4
    segment.write_bytes(damaged)
    assert rows_in(tmp_path) == [0, 1]
    assert "damaged" in caplog.text


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
    ballast.write_bytes(b"x" * 900_000)
    taken = append_until_refused(store, refs)
    (one,) = store.select(*ALL)
    assert len(one.timestamps_ms) == taken
    ballast.unlink()
    store.append_row("s", START_MS + taken, refs, np.arange(50.0) + taken)
    store.close()
    assert rows_in(small_disk / "data") == list(range(taken + 1))
