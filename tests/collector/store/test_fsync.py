"""When the log is made to survive a loss of power: by each row, by each maintenance, or never."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.store import wal
from collector.store.options import Fsync, StoreOptions
from collector.store.tsdb import Tsdb


@pytest.mark.parametrize(
    ("fsync", "by_rows", "by_maintenance"), [("always", 10, 0), ("interval", 0, 1), ("never", 0, 0)]
)
def test_the_disk_is_waited_for_as_it_is_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fsync: Fsync,
    by_rows: int,
    by_maintenance: int,
) -> None:
    store = Tsdb.open(tmp_path, ManualClock(1000), StoreOptions(fsync=fsync))
    refs = store.refs("s", [Labels.of("x")])
    store.append_row("s", 1000, refs, np.ones(1))
    store.maintain()
    calls: list[int] = []
    counting = SimpleNamespace(**{**vars(os), "fdatasync": calls.append})
    monkeypatch.setattr(wal, "os", counting)
    for row in range(10):
        store.append_row("s", 1001 + row, refs, np.ones(1))
    assert len(calls) == by_rows
    calls.clear()
    store.maintain()
    assert len(calls) <= 1 if fsync == "always" else len(calls) == by_maintenance
    calls.clear()
    store.maintain()
    assert not calls, "nothing was written since"
    store.close()
