"""Series end: they leave index and memory when no sample of them is left, and may come again."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.errors import LimitError
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb

SPAN_MS = 1000
OPTIONS = StoreOptions(
    head_ms=SPAN_MS, retention_ms=3 * SPAN_MS, out_of_order_window_ms=SPAN_MS, max_series=24
)
X = [Matcher("=", "__name__", "x")]


def generation(number: int) -> list[Labels]:
    return [Labels.of("x", generation=str(number), n=str(n)) for n in range(8)]


class Life:
    """A store where every span of time has eight series of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = ManualClock(0)
        self.store = Tsdb.open(directory, self.clock, OPTIONS)
        self.now_ms = 0

    def live(self, number: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        refs = self.store.refs(f"source {number}", generation(number))
        for _ in range(10):
            self.store.append_row(f"source {number}", self.now_ms, refs, np.arange(8.0) + number)
            self.now_ms += SPAN_MS // 10
            self.clock.advance(SPAN_MS // 10)
            self.store.maintain()
        return refs

    def restart(self) -> None:
        os.close(self.store._lock_descriptor)
        self.store = Tsdb.open(self.directory, self.clock, OPTIONS)


def test_churn_costs_no_more_than_what_is_kept(tmp_path: Path) -> None:
    life = Life(tmp_path)
    for number in range(12):
        life.live(number)
    status = life.store.status()
    assert 8 <= status.active_series <= 24
    assert 24 <= status.series <= 56
    found = life.store.match(X)
    assert len(found) == status.series
    assert {one["generation"] for one in life.store.labels_of(found)} <= {*map(str, range(5, 12))}
    assert len(life.store._head.sources) < 8
    life.store.close()


def test_a_ref_of_a_series_that_ended_still_has_its_labels_and_takes_samples(
    tmp_path: Path,
) -> None:
    life = Life(tmp_path)
    old = life.live(0)
    for number in range(1, 9):
        life.live(number)
    assert not set(old.tolist()) & set(life.store.match(X).tolist())
    assert life.store.labels_of(old) == generation(0)
    assert not life.store.append_row("source 0", life.now_ms, old, np.arange(8.0))
    assert not life.store.append_row("source 0", life.now_ms + 1, old, np.arange(8.0))
    again = life.store.refs("source 0", generation(0))
    assert not set(again.tolist()) & set(old.tolist())
    (one,) = life.store.select([*X, Matcher("=", "generation", "0")], -1, 2**62)
    assert one.refs.tolist() == again.tolist()
    assert one.timestamps_ms.tolist() == [life.now_ms, life.now_ms + 1]
    life.restart()
    (one,) = life.store.select([*X, Matcher("=", "generation", "0")], -1, 2**62)
    assert one.timestamps_ms.tolist() == [life.now_ms, life.now_ms + 1]
    life.store.close()


def test_a_restart_after_series_ended_finds_every_sample_where_it_was(tmp_path: Path) -> None:
    life = Life(tmp_path)
    for number in range(6):
        life.live(number)
    refs = life.live(6)
    totals = life.store.counter_totals(refs)
    before = {
        labels: (part.timestamps_ms.tolist(), part.values[row].tolist())
        for part in life.store.select(X, -1, 2**62)
        for row, labels in enumerate(part.labels)
    }
    life.restart()
    after = {
        labels: (part.timestamps_ms.tolist(), part.values[row].tolist())
        for part in life.store.select(X, -1, 2**62)
        for row, labels in enumerate(part.labels)
    }
    assert after == before
    again = life.store.counter_totals(life.store.refs("source 6", generation(6)))
    assert again.total.tolist() == totals.total.tolist()
    assert again.last_ms.tolist() == totals.last_ms.tolist()
    life.store.close()


def test_the_limit_is_on_series_that_are_active(tmp_path: Path) -> None:
    clock = ManualClock(0)
    store = Tsdb.open(tmp_path, clock, OPTIONS)
    for number in range(4):
        refs = store.refs("s", generation(number))
        store.append_row("s", number * 2 * SPAN_MS, refs, np.zeros(8))
        with pytest.raises(LimitError, match="limit of 24 series"):
            store.refs("s", [Labels.of("more", n=str(n)) for n in range(17)])
        clock.advance(2 * SPAN_MS)
        store.maintain()
    assert store.status().active_series <= 8
    store.close()
