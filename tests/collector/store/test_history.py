"""Old samples go straight to blocks, once, and a running store takes them over."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from collector.model import Labels, ManualClock, Matcher
from collector.store.history import HistoryWriter
from collector.store.options import DAY_MS, StoreOptions
from collector.store.tsdb import Tsdb

A, B = Labels.of("a"), Labels.of("b", x="1")
NOW_MS = 100 * DAY_MS
OPTIONS = StoreOptions(retention_ms=90 * DAY_MS)


def write(store: Path, times: list[int], samples_at_once: int = 10**6) -> None:
    writer = HistoryWriter(store, samples_at_once)
    for at in times:
        both = np.array([1, 0])
        writer.add([A, B], both, np.array([at, at]), np.array([-at, at], np.float64))
    writer.close()


def samples(store: Tsdb) -> dict[Labels, dict[int, float]]:
    found = store.select([Matcher("=~", "__name__", "a|b")], -1, 2**62)
    return {
        labels: dict(zip(one.timestamps_ms.tolist(), row, strict=True))
        for one in found
        for labels, row in zip(one.labels, one.values.tolist(), strict=True)
    }


def test_a_running_store_takes_over_what_was_imported(tmp_path: Path) -> None:
    store = Tsdb.open(tmp_path, ManualClock(NOW_MS), OPTIONS)
    times = [NOW_MS - day * DAY_MS for day in range(60, 20, -1)]
    write(tmp_path, times)
    assert samples(store) == {}
    store.compact()
    assert samples(store) == {A: {t: float(t) for t in times}, B: {t: float(-t) for t in times}}
    store.append_row("s", NOW_MS, store.refs("s", [A]), np.array([1.0]))
    store.close()
    again = Tsdb.open(tmp_path, ManualClock(NOW_MS), OPTIONS)
    assert len(samples(again)[A]) == len(times) + 1
    again.close()


def test_a_start_takes_it_over_too_and_twice_is_once(tmp_path: Path) -> None:
    Tsdb.open(tmp_path, ManualClock(NOW_MS), OPTIONS).close()
    times = list(range(NOW_MS - 50 * DAY_MS, NOW_MS - 49 * DAY_MS, 3_600_000))
    for _ in range(2):
        write(tmp_path, times, samples_at_once=10)
    store = Tsdb.open(tmp_path, ManualClock(NOW_MS), OPTIONS)
    expected = {A: {t: float(t) for t in times}, B: {t: float(-t) for t in times}}
    assert samples(store) == expected
    store.compact()
    assert samples(store) == expected
    assert store.status().blocks == 5  # what overlapped is one
    store.close()


def test_what_is_there_stays_as_it_is(tmp_path: Path) -> None:
    store = Tsdb.open(tmp_path, ManualClock(NOW_MS), OPTIONS)
    store.append_row("s", NOW_MS, store.refs("s", [A]), np.array([7.0]))
    write(tmp_path, [NOW_MS])
    store.compact()
    assert samples(store) == {A: {NOW_MS: 7.0}, B: {NOW_MS: -float(NOW_MS)}}
    store.close()


def test_series_that_came_by_import_survive_a_crash_with_their_new_rows(tmp_path: Path) -> None:
    import os

    store = Tsdb.open(tmp_path, ManualClock(NOW_MS), OPTIONS)
    write(tmp_path, [NOW_MS - 50 * DAY_MS])
    store.compact()
    store.append_row("s", NOW_MS, store.refs("s", [B, A]), np.array([1.0, 2.0]))
    os.close(store._lock_descriptor)  # as after kill -9
    again = Tsdb.open(tmp_path, ManualClock(NOW_MS), OPTIONS)
    assert samples(again)[A][NOW_MS] == 2.0
    assert samples(again)[B][NOW_MS] == 1.0
    again.close()
