"""Two native histograms of one time never mix, however they come."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.histogram_columns import COMPONENT, assembled, columns
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.store.interface import Refused
from collector.store.tsdb import Tsdb

H = Labels.of("h")
ONE = NativeHistogram(schema=0, zero_threshold=0.0, zero_count=0.0, count=3.0, sum=1.0,
                      positive=((1, 3.0),), negative=())  # fmt: skip
OTHER = NativeHistogram(schema=0, zero_threshold=0.0, zero_count=0.0, count=5.0, sum=2.0,
                        positive=((1, 1.0), (2, 4.0)), negative=())  # fmt: skip


def append(store: Tsdb, at_ms: int, histogram: NativeHistogram) -> Refused:
    cells = columns(H, histogram)
    refs = store.refs("s", [labels for labels, _ in cells])
    return store.append_row("s", at_ms, refs, np.array([value for _, value in cells]))


def histograms(store: Tsdb) -> dict[int, object]:
    times = sorted({t for part in store.select([], -1, 2**62) for t in part.timestamps_ms.tolist()})
    values = np.full((0, len(times)), 0.0)
    names = []
    for part in store.select([], -1, 2**62):
        for labels, row in zip(part.labels, part.values, strict=True):
            cells = np.full(len(times), np.nan)
            cells.view(np.int64)[:] = 0x7FF0_0000_0000_0003
            cells[[times.index(t) for t in part.timestamps_ms.tolist()]] = row
            values = np.vstack([values, cells])
            names.append(labels[COMPONENT])
    return dict(zip(times, assembled(names, values), strict=True))


@pytest.mark.parametrize("late", [False, True])
def test_the_first_histogram_of_a_time_stays_whole_and_the_second_is_refused(
    tmp_path: Path, late: bool
) -> None:
    store = Tsdb.open(tmp_path, ManualClock(0))
    append(store, 1000, OTHER)
    append(store, 2000, ONE)
    if late:
        append(store, 3000, OTHER)
    assert append(store, 2000, OTHER).by_reason == {"duplicate": 4}
    assert not append(store, 2000, ONE)
    expected = histograms(store)
    assert expected[2000] == ONE
    os.close(store._lock_descriptor)
    store = Tsdb.open(tmp_path, ManualClock(0))
    assert histograms(store) == expected
    store.close()


def test_a_late_histogram_is_taken_whole(tmp_path: Path) -> None:
    store = Tsdb.open(tmp_path, ManualClock(0))
    append(store, 3000, ONE)
    assert not append(store, 1000, OTHER)
    assert histograms(store) == {1000: OTHER, 3000: ONE}
    store.close()
