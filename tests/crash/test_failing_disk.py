"""A file system that fails at random: short writes, ENOSPC, EIO, in the log and in checkpoints.

Whatever it refuses is told by a StorageError, and what was acknowledged is there after a crash.
What was refused may be there too: an fsync that fails takes nothing back.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.errors import StorageError
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.store import checkpoint, disk, wal
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb

START_MS = 1_700_000_000_000
SERIES = [Labels.of("x_total", n=str(i)) for i in range(20)]
ALL = ([Matcher("=", "__name__", "x_total")], -1, 2**62)
FAILING = ("open", "write", "writev", "fdatasync", "fsync", "ftruncate", "rename")


class FailingOs:
    """`os` whose calls fail now and then, in a way that such a call may fail."""

    def __init__(self, dice: random.Random, ratio: float) -> None:
        self._dice = dice
        self.ratio = ratio
        self.failures = 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        return self._failing(name, real) if name in FAILING else real

    def _failing(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._dice.random() >= self.ratio:
                return real(*args, **kwargs)
            self.failures += 1
            if name in ("write", "writev") and self._dice.random() < 0.5:
                return self._short(args[0], args[1])
            code = self._dice.choice((errno.ENOSPC, errno.EIO))
            raise OSError(code, os.strerror(code))

        return call

    def _short(self, descriptor: int, data: Any) -> int:
        whole = b"".join(bytes(part) for part in data) if isinstance(data, list) else bytes(data)
        return os.write(descriptor, whole[: self._dice.randrange(len(whole)) or 1])


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, float], FailingOs]:
    def install(seed: int, ratio: float) -> FailingOs:
        layer = FailingOs(random.Random(seed), ratio)
        for module in (wal, checkpoint, disk):
            assert isinstance(module, ModuleType)
            monkeypatch.setattr(module, "os", layer)
        return layer

    return install


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


def held(store: Tsdb) -> set[int]:
    """The rows that the store has, each proved to be whole."""
    (one,) = store.select(*ALL)
    rows = one.timestamps_ms - START_MS
    assert (one.values == np.arange(20)[:, None] + rows).all()
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
