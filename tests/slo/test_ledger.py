"""The ledger against an oracle that looks at single samples: equality, not tolerance."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import STALE
from slo.indicators import INDICATORS
from slo.ledger import Ledger
from slo.slices import FAR_MS, Slices, resolutions
from slo.window import DAY_MS

NOW = 1_700_000_000_000
TICK = 15_000
TOTAL = [Matcher("=", "__name__", "requests_total")]
BAD = [*TOTAL, Matcher("=", "code", "500")]


def series(code: str, instance: str = "a") -> Labels:
    return Labels.of("requests_total", code=code, instance=instance)


def ledger_of(objectives, store, directory) -> Ledger:
    return Ledger(objectives, store, Path(directory), TICK)


def assert_equals_truth(ledger: Ledger, store, column: int, now_ms: int, window_ms: int) -> None:
    counts = ledger.window_counts(window_ms, now_ms)
    assert counts.start_ms <= now_ms - window_ms
    assert counts.total[column] == store.truth(TOTAL, counts.start_ms, now_ms)
    assert counts.bad[column] == store.truth(BAD, counts.start_ms, now_ms)


@dataclass
class World:
    """Processes that count requests, restart, and are scraped or not."""

    store: object
    now_ms: int = NOW
    counters: dict[str, dict[Labels, float]] = field(default_factory=dict)

    def serve(self, instance: str, code: str, requests: int) -> None:
        counters = self.counters.setdefault(instance, {})
        key = series(code, instance)
        counters[key] = counters.get(key, 0.0) + requests

    def scrape(self, instance: str, at_ms: int) -> None:
        if self.counters.get(instance):
            self.store.scrape(instance, at_ms, self.counters[instance])


steps = st.one_of(
    st.tuples(
        st.just("serve"),
        st.sampled_from("ab"),
        st.sampled_from(["200", "404", "500"]),
        st.integers(0, 1000),
    ),
    st.tuples(st.just("reset"), st.sampled_from("ab")),
    st.tuples(st.just("forget"), st.sampled_from("ab"), st.sampled_from(["200", "500"])),
    st.tuples(st.just("scrape"), st.sampled_from("ab")),
    st.tuples(st.just("stale"), st.sampled_from("ab")),
    st.tuples(st.just("tick")),
    st.tuples(st.just("save")),
    st.tuples(st.just("kill")),
    st.tuples(st.just("reload")),
    st.tuples(st.just("outage"), st.integers(1, 20_000)),
)


class Run:
    """One history: `columns` 0 is counted from the start, 1 from the first reload."""

    def __init__(self, new_store, objective, directory: str) -> None:
        self.objectives = [objective("old")]
        self.added = objective("young")
        self.store = new_store()
        self.directory = directory
        self.world = World(self.store)
        self.ledger = ledger_of(self.objectives, self.store, directory)
        self.ticked = False

    def do(self, step: tuple) -> None:
        getattr(self, step[0])(*step[1:])
        self.world.now_ms += 1_000

    def serve(self, instance: str, code: str, requests: int) -> None:
        self.world.serve(instance, code, requests)

    def reset(self, instance: str) -> None:
        self.world.counters[instance] = dict.fromkeys(self.world.counters.get(instance, {}), 0.0)

    def forget(self, instance: str, code: str) -> None:
        self.world.counters.get(instance, {}).pop(series(code, instance), None)

    def scrape(self, instance: str) -> None:
        self.world.scrape(instance, self.world.now_ms)

    def stale(self, instance: str) -> None:
        values = dict.fromkeys(self.world.counters.get(instance, {}), STALE)
        if values and self.store.rows:
            self.store.scrape(instance, self.world.now_ms, values)

    def tick(self) -> None:
        self.world.now_ms += 7_000
        self.ledger.tick(self.world.now_ms)
        self.ticked = True

    def save(self) -> None:
        self.ledger.save()

    def kill(self) -> None:
        self.store = self.world.store = self.store.crashed()
        self.ledger = ledger_of(self.objectives, self.store, self.directory)

    def reload(self) -> None:
        if len(self.objectives) == 1:
            self.objectives = [self.added, *self.objectives]
            self.ledger.replace(self.objectives)

    def outage(self, seconds: int) -> None:
        self.world.now_ms += seconds * 1000


@settings(max_examples=100, deadline=None)
@given(st.lists(steps, min_size=5, max_size=60))
def test_counts_equal_single_samples_through_resets_churn_gaps_and_kills(
    new_store: Callable, objective: Callable, history: list
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        run = Run(new_store, objective, directory)
        for step in history:
            run.do(step)
        run.tick()
        for column in range(len(run.objectives)):
            for window_ms in (60_000, 300_000, 3_600_000, 21_600_000, 259_200_000, 2_592_000_000):
                assert_equals_truth(run.ledger, run.store, column, run.world.now_ms, window_ms)
        assert run.ledger.lost_marks == 0
        assert all(np.isfinite(counts).all() for counts in run.ledger.totals)


def test_the_errors_that_create_a_series_are_counted(tmp_path, new_store, objective) -> None:
    store = new_store()
    ledger = ledger_of([objective()], store, tmp_path)
    store.scrape("a", NOW, {series("200"): 1000})
    ledger.tick(NOW)
    store.scrape("a", NOW + TICK, {series("200"): 1500, series("500"): 500})
    ledger.tick(NOW + TICK)
    counts = ledger.window_counts(3_600_000, NOW + TICK)
    assert (counts.bad[0], counts.total[0]) == (500, 1000)


def test_thirteen_months_are_kept_at_falling_resolution() -> None:
    """Rows each three hours, as many events as hours: every midnight is still there."""
    slices = Slices(resolutions(TICK, 30 * DAY_MS), 1)
    begin_ms = NOW // DAY_MS * DAY_MS
    for hour in range(0, 395 * 24 + 1, 3):
        events = np.array([float(hour)])
        slices.append(begin_ms + hour * FAR_MS, events / 2, events)
    now_ms = begin_ms + 395 * DAY_MS
    for days_ago in (1, 29, 61, 62, 200, 390, 394):
        row = slices.at(now_ms - days_ago * DAY_MS)
        assert row.time_ms == now_ms - days_ago * DAY_MS
        assert row.total[0] == (395 - days_ago) * 24
    assert len(slices.times()) < 3_500


def test_what_was_counted_before_the_ledger_knew_the_process_is_no_event(
    tmp_path, new_store, objective
) -> None:
    store = new_store()
    store.scrape("a", NOW, {series("500"): 123_456})
    ledger = ledger_of([objective()], store, tmp_path)
    ledger.tick(NOW)
    assert ledger.window_counts(3_600_000, NOW).total[0] == 0


def test_a_window_begins_at_a_row_no_later_than_asked_and_no_earlier_than_a_slice(
    tmp_path, new_store, objective
) -> None:
    ledger = ledger_of([objective()], new_store(), tmp_path)
    ledger.tick(NOW)
    for window_ms, slice_ms in ((300_000, TICK), (86_400_000, 300_000), (2_592_000_000, FAR_MS)):
        start_ms = ledger.window_counts(window_ms, NOW).start_ms
        assert NOW - window_ms - slice_ms < start_ms <= NOW - window_ms


def test_a_young_objective_is_filled_from_the_history_of_the_store(
    tmp_path, new_store, objective
) -> None:
    store = new_store()
    for minute in range(600):
        store.scrape("a", NOW + minute * 60_000, {series("200"): minute * 7, series("500"): minute})
    now_ms = NOW + 600 * 60_000
    ledger = ledger_of([objective()], store, tmp_path)
    ledger.tick(now_ms)
    assert ledger.since_ms[0] == NOW
    for window_ms in (300_000, 3_600_000, 21_600_000, 2_592_000_000):
        assert_equals_truth(ledger, store, 0, now_ms, window_ms)


def test_an_outage_of_the_collector_loses_nothing_that_the_counters_counted(
    tmp_path, new_store, objective
) -> None:
    store = new_store()
    ledger = ledger_of([objective()], store, tmp_path)
    store.scrape("a", NOW, {series("200"): 100})
    ledger.tick(NOW)
    ledger.save()
    later = NOW + 10 * 86_400_000
    store = store.crashed()
    store.scrape("a", later, {series("200"): 100_100})
    ledger = ledger_of([objective()], store, tmp_path)
    ledger.tick(later)
    assert ledger.window_counts(300_000, later).total[0] == 100_000


def test_a_restart_that_lost_the_marked_sample_begins_anew_and_says_so(
    tmp_path, new_store, objective
) -> None:
    store = new_store()
    ledger = ledger_of([objective()], store, tmp_path)
    for tick in range(4):
        store.scrape("a", NOW + tick * TICK, {series("200"): 100 * tick})
        ledger.tick(NOW + tick * TICK)
    ledger.save()
    torn = new_store()
    for source, time_ms, values in store.rows[:-1]:
        torn.scrape(source, time_ms, values)
    torn.scrape("a", NOW + 5 * TICK, {series("200"): 450})
    torn.scrape("a", NOW + 6 * TICK, {series("200"): 460})
    ledger = ledger_of([objective()], torn, tmp_path)
    ledger.tick(NOW + 6 * TICK)
    assert ledger.lost_marks == 1
    assert ledger.totals[1][0] == 310


def test_totals_that_the_store_forgot_are_read_from_samples(tmp_path, new_store, objective) -> None:
    store = new_store()
    ledger = ledger_of([objective()], store, tmp_path)
    for tick in range(20):
        store.scrape("a", NOW + tick * TICK, {series("200"): 100 * tick})
        ledger.tick(NOW + tick * TICK)
    ledger.save()
    for tick in range(20, 23):
        store.scrape("a", NOW + tick * TICK, {series("200"): 100 * tick})
    store = store.crashed(keep_totals_from_ms=NOW + 15 * TICK)
    ledger = ledger_of([objective()], store, tmp_path)
    ledger.tick(NOW + 23 * TICK)
    assert ledger.totals[1][0] == 2200


def test_a_torn_record_ends_the_file_and_the_store_gives_the_rest(
    tmp_path, new_store, objective
) -> None:
    store = new_store()
    ledger = ledger_of([objective()], store, tmp_path)
    for tick in range(3):
        store.scrape("a", NOW + tick * TICK, {series("200"): 100 * tick})
        ledger.tick(NOW + tick * TICK)
        ledger.save()
    file = tmp_path / "ledger"
    file.write_bytes(file.read_bytes()[:-7])
    ledger = ledger_of([objective()], store.crashed(), tmp_path)
    ledger.tick(NOW + 3 * TICK)
    assert ledger.totals[1][0] == 200


def test_the_counts_outlive_the_samples(tmp_path, new_store, objective) -> None:
    store = new_store()
    ledger = ledger_of([objective()], store, tmp_path)
    for tick in range(3):
        store.scrape("a", NOW + tick * TICK, {series("200"): 100 * tick})
        ledger.tick(NOW + tick * TICK)
    ledger.save()
    ledger = ledger_of([objective()], new_store(), tmp_path)
    ledger.tick(NOW + 3 * TICK)
    assert ledger.window_counts(86_400_000, NOW + 3 * TICK).total[0] == 200


def test_a_file_of_another_kind_is_refused_with_advice(tmp_path, new_store, objective) -> None:
    (tmp_path / "ledger").write_bytes(b"something else")
    with pytest.raises(Exception, match="no SLO ledger") as caught:
        ledger_of([objective()], new_store(), tmp_path)
    assert "move it away" in str(caught.value)


def test_an_objective_that_counts_something_else_starts_from_the_store(
    tmp_path, new_store, objective
) -> None:
    store = new_store()
    ledger = ledger_of([objective()], store, tmp_path)
    store.scrape("a", NOW, {series("200"): 0, series("404"): 0})
    ledger.tick(NOW)
    store.scrape("a", NOW + TICK, {series("200"): 10, series("404"): 3})
    ledger.tick(NOW + TICK)
    ledger.replace([objective(bad='requests_total{code="404"}'), objective("second")])
    ledger.tick(NOW + TICK + 1000)
    assert ledger.totals[0].tolist() == [3, 0]
    assert ledger.totals[1].tolist() == [13, 13]


def test_no_data_differs_from_no_traffic(tmp_path, new_store, objective) -> None:
    store = new_store()
    ledger = ledger_of([objective()], store, tmp_path)
    ledger.tick(NOW)
    assert not ledger.has_data(NOW)[0]
    store.scrape("a", NOW + TICK, {series("200"): 5})
    ledger.tick(NOW + TICK)
    assert ledger.has_data(NOW + TICK)[0]
    assert not ledger.has_bad_series()[0]
    assert not ledger.has_data(NOW + 3_600_000)[0]


def test_a_native_histogram_with_shares_of_buckets_is_counted_and_saved(
    tmp_path, new_store, objective
) -> None:
    indicator = INDICATORS["native_latency"](histogram="wait_seconds", seconds=0.3)
    ledger = ledger_of([objective("native", indicator=indicator)], new_store(), tmp_path)
    ledger.tick(NOW)
    ledger.save()
    assert ledger_of([objective("native", indicator=indicator)], new_store(), tmp_path)
