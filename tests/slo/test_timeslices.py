"""Slices of time against a walk over single events, live, over restarts, and from history."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from collector.model.errors import ConfigError
from collector.model.labels import Labels
from collector.model.samples import MISSING
from collector.query.values import Answer, Matrix
from slo.indicators.sampled import sampled
from slo.ledger import Ledger
from slo.objective import Timeslices

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
TICK = 15_000
BEGIN = 1_700_000_040_000  # a whole minute
SLICE = 60_000
OK, FAILED = Labels.of("requests_total", code="200"), Labels.of("requests_total", code="500")

ticks = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 3), st.sampled_from(["", "kill", "reload"])),
    min_size=1,
    max_size=24,
)


def truth(
    events: list[tuple[int, int, int]], slices: Timeslices, now_ms: int
) -> tuple[float, float]:
    """Bad and total of every slice that is over, from single (time, ok, failed)."""
    open_number = -(-now_ms // slices.slice_ms)
    by_slice: dict[int, list[int]] = {}
    for time_ms, ok, failed in events:
        both = by_slice.setdefault(-(-time_ms // slices.slice_ms), [0, 0])
        both[0] += failed
        both[1] += ok + failed
    numbers = range(min(by_slice), open_number)
    bad = total = 0.0
    for number in numbers:
        failed, all_ = by_slice.get(number, [0, 0])
        if not all_:
            total += slices.empty != "ignore"
            bad += slices.empty == "bad"
        elif slices.target is None:
            bad, total = bad + failed / all_, total + 1
        else:
            bad, total = bad + (Fraction(all_ - failed, all_) < slices.target), total + 1
    return bad, total


@settings(max_examples=20, deadline=None, phases=PHASES)
@given(
    ticks,
    st.sampled_from([None, Fraction(9, 10), Fraction(1)]),
    st.sampled_from(["ignore", "good", "bad"]),
)
def test_live_slices_are_those_of_single_events(history, target, empty) -> None:
    slices = Timeslices(SLICE, target, empty)
    with tempfile.TemporaryDirectory() as directory:
        _check(history, slices, Path(directory))


def _check(history, slices: Timeslices, directory: Path) -> None:
    objective, new_store = _objective(slices), _new_store()
    store = new_store()
    ledger = Ledger([objective], store, directory, TICK)
    ok = failed = 0
    events: list[tuple[int, int, int]] = []
    store.scrape("shop", BEGIN, {OK: 0, FAILED: 0})
    ledger.tick(BEGIN)
    events.append((BEGIN, 0, 0))
    for number, (more_ok, more_failed, what) in enumerate(history, 1):
        now_ms = BEGIN + number * TICK
        ok, failed = ok + more_ok, failed + more_failed
        events.append((now_ms, more_ok, more_failed))
        store.scrape("shop", now_ms, {OK: ok, FAILED: failed})
        if what == "reload":
            ledger.replace([objective])
        ledger.tick(now_ms)
        if what == "kill":
            ledger.save()
            store = store.crashed()
            ledger = Ledger([objective], store, directory, TICK)
            ledger.tick(now_ms)
    bad, total = truth(events, slices, BEGIN + len(history) * TICK)
    counted_bad, counted_total = ledger.totals
    assert counted_total[0] == total
    assert counted_bad[0] == pytest.approx(bad, abs=1e-12)


@settings(max_examples=40, deadline=None, phases=PHASES)
@given(ticks)
def test_history_gives_the_same_slices_as_having_watched_it(history) -> None:
    slices = Timeslices(SLICE, Fraction(9, 10))
    objective, store = _objective(slices), _new_store()()
    with tempfile.TemporaryDirectory() as live, tempfile.TemporaryDirectory() as late:
        watched = Ledger([objective], store, Path(live), TICK)
        ok = failed = 0
        store.scrape("shop", BEGIN, {OK: 0, FAILED: 0})
        watched.tick(BEGIN)
        now_ms = BEGIN
        for number, (more_ok, more_failed, _) in enumerate(history, 1):
            now_ms = BEGIN + number * TICK
            ok, failed = ok + more_ok, failed + more_failed
            store.scrape("shop", now_ms, {OK: ok, FAILED: failed})
            watched.tick(now_ms)
        filled = Ledger([objective], store, Path(late), TICK)
        filled.tick(now_ms)
        assert [one.tolist() for one in filled.totals] == [one.tolist() for one in watched.totals]


def test_a_slice_that_ends_with_a_period_counts_in_it() -> None:
    """The tick after midnight closes the slice before it; a window from midnight is without it."""
    slices = Timeslices(SLICE, Fraction(9, 10))
    store = _new_store()()
    with tempfile.TemporaryDirectory() as directory:
        ledger = Ledger([_objective(slices)], store, Path(directory), TICK)
        for number in range(12):
            now_ms = BEGIN + number * TICK
            store.scrape("shop", now_ms, {OK: 10 * number, FAILED: 5 * number})
            ledger.tick(now_ms)
        midnight = BEGIN + 8 * TICK
        counts = ledger.window_counts(now_ms - midnight, now_ms)
        assert (counts.bad[0], counts.total[0]) == (0, 0)
        assert [one[0] for one in ledger.totals] == [2, 2]


class Gauges:
    """A query engine that knows two series by step."""

    def __init__(self, values: dict[int, list[float]]) -> None:
        self.values = values

    def range(self, query: str, start_ms: int, end_ms: int, step_ms: int) -> Answer:
        times = np.arange(start_ms, end_ms + 1, step_ms)
        missing = [MISSING, MISSING]
        rows = np.array([self.values.get(int(at), missing) for at in times]).T.reshape(2, -1)
        labels = [Labels.of("up", instance=name) for name in "ab"]
        return Answer(Matrix(labels, times, rows))


def test_each_series_is_an_event_each_time_it_is_looked_at(tmp_path: Path, objective) -> None:
    looks = {
        BEGIN: [1.0, 0.0],
        BEGIN + SLICE: [1.0, float("nan")],
        BEGIN + 2 * SLICE: [0.0, 0.0],
    }
    up = objective(indicator=sampled("threshold", "up", "gte", 1, SLICE))
    ledger = Ledger([up], _new_store()(), tmp_path, TICK, Gauges(looks))
    for now_ms in range(BEGIN - TICK, BEGIN + 4 * SLICE, TICK):
        ledger.tick(now_ms)
    assert [one[0] for one in ledger.totals] == [3, 5]
    assert not ledger.has_data(now_ms + 3_600_000)[0]
    ledger.save()
    again = Ledger([up], _new_store()(), tmp_path, TICK, Gauges(looks))
    again.tick(now_ms)
    assert [one[0] for one in again.totals] == [3, 5]
    fresh = Ledger([up], _new_store()(), tmp_path / "fresh", TICK, Gauges(looks))
    fresh.tick(now_ms)
    assert [one[0] for one in fresh.totals] == [3, 5]
    assert fresh.since_ms[0] == BEGIN


def test_a_ratio_is_bad_in_part(tmp_path: Path, objective) -> None:
    looks = {BEGIN: [0.25, MISSING], BEGIN + SLICE: [2.0, 0.5]}
    raw = objective(indicator=sampled("raw", "x", "failure", 0, SLICE))
    ledger = Ledger([raw], _new_store()(), tmp_path, TICK, Gauges(looks))
    for now_ms in range(BEGIN - TICK, BEGIN + 2 * SLICE, TICK):
        ledger.tick(now_ms)
    assert [one[0] for one in ledger.totals] == [1.75, 3]


def test_what_can_not_be_a_slice_is_refused() -> None:
    with pytest.raises(ConfigError, match="not in 0 to 1d"):
        Timeslices(0)
    with pytest.raises(ConfigError, match="ratio over 0"):
        Timeslices(60_000, Fraction(2))


def _new_store():
    import importlib

    return importlib.import_module("tests.oracles.counting_store").CountingStore


def _objective(slices: Timeslices):
    import importlib

    return importlib.import_module("tests.slo.conftest").make_objective(budgeting=slices)
