"""Time without samples counts as the policy says, until the counters tell what it held.

The oracle knows the times of all scrapes and every event of each; the arithmetic is done by hand.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from slo.config import SloConfig
from slo.corrections import Selector
from slo.evaluate import SloEngine
from slo.ledger import Ledger
from slo.self_metrics import SloMetrics

NOW = 1_700_000_000_000
TICK = 15_000
FRESH = 5 * 60_000
HOUR, DAY = 3_600_000, 24 * 3_600_000
PER_SCRAPE = 150
"""Requests a scrape: ten a second."""


class Service:
    """Serves ten requests a second; what it says of itself is scraped, or not."""

    def __init__(self, store) -> None:
        self.store, self.now_ms, self.served = store, NOW, 0.0
        self.scrapes: list[tuple[int, float]] = []

    def tick(self, is_scraped: bool, requests: float = PER_SCRAPE) -> None:
        self.now_ms += TICK
        self.served += requests
        if is_scraped:
            self.store.scrape("a", self.now_ms, {Labels.of("requests_total"): self.served})
            self.scrapes.append((self.now_ms, self.served))

    def expected(self, until_ms: int) -> float:
        """Events that stand for silence, by every pair of scrapes."""
        ends = [*self.scrapes[1:], (until_ms, self.scrapes[-1][1])]
        total = 0.0
        for (last_ms, served), (next_ms, then) in zip(self.scrapes, ends, strict=True):
            if next_ms - last_ms > FRESH:
                rate = self._rate(last_ms, served)
                total += max(0.0, rate * (next_ms - last_ms) - (then - served))
        return total

    def _rate(self, last_ms: int, served: float) -> float:
        first_ms, first = next(
            (at_ms, value)
            for at_ms, value in reversed(self.scrapes)
            if at_ms <= max(last_ms - HOUR, self.scrapes[0][0])
        )
        return (served - first) / (last_ms - first_ms) if last_ms > first_ms else 0.0


def watched(new_store, objective, directory: str, policy: str, story, kills=()) -> tuple:
    store = new_store()
    one = objective(no_data=policy)
    service = Service(store)
    ledger = Ledger([one], store, Path(directory), TICK)
    for number, (ticks, is_scraped, requests) in enumerate(story):
        for _ in range(ticks):
            service.tick(is_scraped, requests)
            ledger.tick(service.now_ms)
        if number in kills:
            ledger.save()
            ledger = Ledger([one], service.store.crashed(), Path(directory), TICK)
            service.store = ledger._querier
    return service, ledger


stories = st.lists(
    st.tuples(st.integers(1, 60), st.booleans(), st.sampled_from([0, 1, PER_SCRAPE])),
    min_size=1,
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(stories, st.sampled_from(["ignore", "good", "bad"]), st.sets(st.integers(0, 4), max_size=2))
def test_windows_hold_what_every_pair_of_scrapes_says(
    new_store: Callable, objective: Callable, story: list, policy: str, kills: set
) -> None:
    story = [(20, True, PER_SCRAPE), *story]
    with tempfile.TemporaryDirectory() as directory:
        service, ledger = watched(new_store, objective, directory, policy, story, kills)
        counts = ledger.window_counts(DAY, service.now_ms)
        stands = 0.0 if policy == "ignore" else service.expected(service.now_ms)
        counted = service.scrapes[-1][1] - service.scrapes[0][1]
        assert counts.total[0] == pytest.approx(counted + stands, rel=1e-12)
        assert counts.bad[0] == pytest.approx(stands if policy == "bad" else 0.0, rel=1e-12)
        assert ledger.totals[1][0] == counted


def test_a_silence_is_spread_evenly_over_its_time(tmp_path, new_store, objective) -> None:
    story = [(240, True, PER_SCRAPE), (80, False, 0)]
    service, ledger = watched(new_store, objective, str(tmp_path), "bad", story)
    begin_ms = service.now_ms - 80 * TICK
    for ticks in (20, 40, 60, 80):
        counts = ledger.window_counts(ticks * TICK, service.now_ms)
        assert counts.bad[0] == pytest.approx(ticks * PER_SCRAPE)
        halfway = ledger.between(begin_ms, begin_ms + ticks * TICK)
        assert halfway.total[0] == pytest.approx(ticks * PER_SCRAPE)
    times, bad, total = ledger.rows_of(0)
    assert (bad[-1], total[-1]) == (80 * PER_SCRAPE, 319 * PER_SCRAPE)
    assert times[-1] == service.now_ms


def test_up_to_five_minutes_are_no_silence(tmp_path, new_store, objective) -> None:
    story = [(240, True, PER_SCRAPE), (20, False, 0)]
    service, ledger = watched(new_store, objective, str(tmp_path), "bad", story)
    assert ledger.window_counts(DAY, service.now_ms).bad[0] == 0
    service.tick(is_scraped=False)
    ledger.tick(service.now_ms)
    assert ledger.window_counts(DAY, service.now_ms).bad[0] == pytest.approx(21 * PER_SCRAPE)


def test_what_counters_tell_when_they_are_back_takes_its_place(
    tmp_path, new_store, objective
) -> None:
    story = [(240, True, PER_SCRAPE), (80, False, PER_SCRAPE), (1, True, PER_SCRAPE)]
    service, ledger = watched(new_store, objective, str(tmp_path), "bad", story)
    counts = ledger.window_counts(DAY, service.now_ms)
    assert (counts.bad[0], counts.total[0]) == (0, 320 * PER_SCRAPE)


def test_an_edited_policy_leaves_the_silences_before_it_as_they_were(
    tmp_path, new_store, objective
) -> None:
    story = [(240, True, PER_SCRAPE), (80, False, 0), (1, True, 0)]
    service, ledger = watched(new_store, objective, str(tmp_path), "bad", story)
    before = ledger.window_counts(DAY, service.now_ms)
    assert before.bad[0] > 0
    ledger.replace([objective("other"), objective(no_data="good")])
    service.tick(is_scraped=True, requests=0)
    ledger.tick(service.now_ms)
    after = ledger.window_counts(DAY, service.now_ms)
    assert (after.bad[1], after.total[1]) == (before.bad[0], before.total[0])
    assert after.bad[0] == 0


class Sink:
    def __init__(self) -> None:
        self.alerts: list = []

    def emit(self, alerts) -> None:
        self.alerts += alerts


@pytest.mark.parametrize("policy", ["ignore", "good", "bad"])
def test_silence_that_counts_as_bad_pages(tmp_path, new_store, objective, policy: str) -> None:
    store, clock, sink = new_store(), ManualClock(NOW), Sink()
    metrics = SloMetrics(CollectorRegistry())
    one = objective(no_data=policy)
    engine = SloEngine([one], store, store, sink, clock, tmp_path, SloConfig(), metrics)
    service = Service(store)
    for tick in range(400):
        service.tick(is_scraped=tick < 300)
        clock.advance(TICK)
        engine.tick(clock.now_ms())
    verdict = engine.verdict(one.id)
    assert verdict.state == "no-data"
    assert {a.labels["severity"] for a in sink.alerts if "condition" not in a.labels} == (
        {"page"} if policy == "bad" else set()
    )
    history = engine.history(one.id, NOW, clock.now_ms(), TICK)
    assert history.budget_left_ratio[-1] == pytest.approx(verdict.budget.left_ratio)
    assert verdict.budget.left_ratio == 1 if policy != "bad" else verdict.budget.left_ratio < 0
    taken = engine.corrections.exclude(
        Selector(slo="*"), clock.now_ms() - 110 * TICK, clock.now_ms(), "ann", "no service then"
    )
    assert taken.objectives == (one.id,)
    assert engine.verdict(one.id).budget.bad == pytest.approx(0, abs=1e-6)
