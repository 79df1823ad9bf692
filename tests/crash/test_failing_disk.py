"""A file system that fails at random: short writes, ENOSPC, EIO; in the log, in checkpoints, in the
cut of blocks, in their compaction, in deletions and snapshots.

Whatever it refuses is told by a StorageError, and what was acknowledged is there after a crash.
What was refused may be there too: an fsync that fails takes nothing back. `TOCSIN_DISK_FAULT_SEEDS`
says how many stories of cuts and merges are told; 6 unless told otherwise.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.errors import StorageError
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import is_missing
from collector.store import wal
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb
from tests.oracles.failing_os import FailingOs, fail_in

SEEDS = int(os.environ.get("TOCSIN_DISK_FAULT_SEEDS", "6"))
START_MS = 1_700_000_000_000
SERIES = [Labels.of("x_total", n=str(i)) for i in range(20)]
ALL = ([Matcher("=", "__name__", "x_total")], -1, 2**62)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, float], FailingOs]:
    return lambda seed, ratio: fail_in(monkeypatch, seed, ratio)


def attempt(call: Callable[[], object]) -> bool:
    """Whether it was done; anything but a StorageError is a defect."""
    try:
        call()
    except StorageError:
        return False
    return True


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("fsync", ["always", "interval"])
def test_no_fault_of_the_disk_costs_what_was_acknowledged(
    tmp_path: Path, failing: Callable[[int, float], FailingOs], seed: int, fsync: Any
) -> None:
    clock = ManualClock(START_MS)
    options = StoreOptions(head_ms=100, segment_bytes=20_000, fsync=fsync)
    layer = failing(seed, 0.0)
    store = Tsdb.open(tmp_path, clock, options)
    refs = store.refs("s", SERIES)
    acknowledged: set[int] = set()
    refused: set[int] = set()
    for part in range(3):
        layer.ratio = 0.1
        for row in range(part * 200, part * 200 + 200):
            values = np.arange(20.0) + row
            done = attempt(partial(store.append_row, "s", START_MS + row, refs, values))
            (acknowledged if done else refused).add(row)
            clock.advance(1)
            if row % 20 == 0:
                attempt(store.maintain)
        assert held(store) >= acknowledged
        os.close(store._lock_descriptor)  # as kill -9 does
        store = Tsdb.open(tmp_path, clock, options)
        assert acknowledged <= held(store) <= acknowledged | refused
        layer.ratio = 0.0
        store.maintain()
        refs = store.refs("s", SERIES)
    assert layer.failures > 20
    assert refused
    store.close()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_no_fault_costs_anything_while_blocks_are_cut_merged_copied_and_deleted_from(
    tmp_path: Path, failing: Callable[[int, float], FailingOs], seed: int
) -> None:
    clock = ManualClock(START_MS)
    options = StoreOptions(head_ms=40, block_spans_ms=(160, 640), segment_bytes=20_000)
    layer = failing(seed, 0.0)
    store = Tsdb.open(tmp_path, clock, options)
    acknowledged, refused, done = set[int](), set[int](), Counter[str]()
    deleted: set[int] = set()
    for part in range(3):
        refs = store.refs("s", SERIES)
        for row in range(part * 400, part * 400 + 400):
            layer.ratio = 0.03
            values = np.arange(20.0) + row
            taken = attempt(partial(store.append_row, "s", START_MS + row, refs, values))
            (acknowledged if taken else refused).add(row)
            clock.advance(1)
            layer.ratio = 0.01  # these make many calls each
            if row % 25 == 0:
                done["cut"] += attempt(store.maintain)
                done["merged"] += attempt(store.compact)
            if row % 100 == 99:
                gone = row - 50
                at_ms = START_MS + gone
                if attempt(partial(store.delete, ALL[0], at_ms, at_ms)):
                    deleted.add(gone)
                    done["deleted"] += 1
                else:
                    refused.add(gone)  # it may be there or not
                    acknowledged.discard(gone)
                done["cleaned"] += attempt(store.clean_tombstones)
                done["copied"] += attempt(partial(store.snapshot, skip_head=False))
        layer.ratio = 0.0
        wanted = acknowledged - deleted
        assert wanted <= held(store) <= (wanted | refused) - deleted
        os.close(store._lock_descriptor)  # as kill -9 does
        store = Tsdb.open(tmp_path, clock, options)
        assert wanted <= held(store) <= (wanted | refused) - deleted
        assert store.status().damaged_blocks == 0
    assert layer.failures > 30
    assert all(done[what] for what in ("cut", "merged", "deleted", "cleaned", "copied")), done
    store.maintain()
    store.compact()
    store.snapshot(skip_head=False)
    assert wanted <= held(store) <= (wanted | refused) - deleted
    store.close()
    assert not list(tmp_path.rglob("*.tmp"))
    for copy in (tmp_path / "snapshots").iterdir():
        whole = Tsdb.open(copy, clock, options)
        assert held(whole) <= acknowledged | refused
        whole.close()


def held(store: Tsdb) -> set[int]:
    """The rows that the store has, each proved to be whole."""
    (one,) = store.select(*ALL)
    there = ~is_missing(one.values).all(axis=0)
    rows = (one.timestamps_ms - START_MS)[there]
    assert (one.values[:, there] == np.arange(20)[:, None] + rows).all()
    return set(rows.tolist())


def test_a_start_on_a_full_disk_serves_and_goes_on_once_there_is_room(
    tmp_path: Path, failing: Callable[[int, float], FailingOs], caplog: pytest.LogCaptureFixture
) -> None:
    clock = ManualClock(START_MS)
    layer = failing(1, 0.0)
    store = Tsdb.open(tmp_path, clock)
    refs = store.refs("s", SERIES)
    store.append_row("s", START_MS, refs, np.arange(20.0))
    os.close(store._lock_descriptor)
    layer.ratio = 1.0
    store = Tsdb.open(tmp_path, clock)
    assert "nothing is stored" in caplog.text
    assert held(store) == {0}
    refs = store.refs("s", SERIES)
    for call in (
        lambda: store.append_row("s", START_MS + 1, refs, np.arange(20.0)),
        lambda: store.refs("s", [Labels.of("other")]),
        store.maintain,
    ):
        with pytest.raises(StorageError, match="can't be written"):
            call()
    layer.ratio = 0.0
    store.maintain()
    store.append_row("s", START_MS + 1, refs, np.arange(20.0) + 1)
    os.close(store._lock_descriptor)
    store = Tsdb.open(tmp_path, clock)
    assert held(store) == {0, 1}
    store.close()


def test_closing_while_the_disk_is_still_full_leaves_the_log_as_it_was(
    tmp_path: Path, failing: Callable[[int, float], FailingOs]
) -> None:
    clock = ManualClock(START_MS)
    layer = failing(1, 0.0)
    store = Tsdb.open(tmp_path, clock)
    store.append_row("s", START_MS, store.refs("s", SERIES), np.arange(20.0))
    os.close(store._lock_descriptor)
    layer.ratio = 1.0
    Tsdb.open(tmp_path, clock).close()
    layer.ratio = 0.0
    store = Tsdb.open(tmp_path, clock)
    assert held(store) == {0}
    store.close()


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "free some disk space"),
        (errno.EROFS, "make the file system writable"),
        (errno.EIO, "check the disk"),
    ],
)
def test_each_refusal_of_the_disk_comes_with_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, advice: str
) -> None:
    store = Tsdb.open(tmp_path, ManualClock(START_MS))
    refs = store.refs("s", SERIES)

    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(wal, "os", SimpleNamespace(**{**vars(os), "writev": refuse}))
        with pytest.raises(StorageError, match=advice):
            store.append_row("s", START_MS, refs, np.arange(20.0))
    store.append_row("s", START_MS, refs, np.arange(20.0))
    assert held(store) == {0}
    store.close()
