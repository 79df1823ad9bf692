"""The latency of a classic histogram at any threshold: exact at a bound, else interpolated."""

from __future__ import annotations

import importlib
import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model.labels import Labels
from collector.model.matchers import Matcher
from slo.attribution import attribution
from slo.bucket_doubts import BucketDoubts
from slo.indicators import INDICATORS
from slo.indicators.bucket_doubt import doubt
from slo.indicators.buckets import BucketShares, concrete, shares
from slo.ledger import Ledger
from slo.objective import CounterTerm
from slo.past_events import past_events
from slo.prometheus_rules import rules_yaml

STORE = importlib.import_module("tests.oracles.counting_store").CountingStore
make_objective = importlib.import_module("tests.slo.conftest").make_objective
TICK = 15_000
NOW = 1_700_000_040_000
bounds = st.lists(st.integers(1, 400), min_size=1, max_size=8, unique=True).map(
    lambda found: [*(one / 100 for one in sorted(found)), math.inf]
)


def estimated(counts: dict[float, float], limit: float) -> float:
    """Cumulative count up to a limit, walking over the buckets as `histogram_quantile` does."""
    lower, below = 0.0, 0.0
    for bound, count in sorted(counts.items()):
        if limit == bound:
            return count
        if limit < bound:
            inside = (limit - lower) / (bound - lower) if math.isfinite(bound) else 0.0
            return below + (count - below) * inside
        lower, below = bound, count
    return below


@given(bounds, st.integers(1, 500), st.data())
def test_a_share_of_each_neighbour_is_what_the_walk_over_the_buckets_finds(
    found: list[float], limit: int, data: st.DataObject
) -> None:
    events = data.draw(st.lists(st.integers(0, 100), min_size=len(found), max_size=len(found)))
    counts = dict(zip(found, map(float, itertools.accumulate(events)), strict=True))
    threshold = limit / 100
    answer = sum(share * counts[bound] for bound, share in shares(found, threshold).items())
    assert answer == pytest.approx(estimated(counts, threshold), rel=1e-9, abs=1e-9)
    if threshold in found:
        assert answer == counts[threshold]


@given(bounds, st.integers(1, 500), st.randoms(use_true_random=False), st.integers(1, 5))
def test_buckets_found_in_any_order_have_the_shares_of_all(found, limit, order, batch) -> None:
    selector = (Matcher("=", "__name__", "x_bucket"),)
    seen = BucketShares({selector: [(0, -1.0, limit / 100)]})
    mixed = list(found)
    order.shuffle(mixed)
    summed: dict[float, float] = {}
    for start in range(0, len(mixed), batch):
        for ref, bound in enumerate(mixed[start : start + batch]):
            assert seen.see(ref, Labels.of("x_bucket", le=f"{bound}"), [selector])
        for _, labels, slot, change in seen.changes():
            assert slot == 0
            bound = float(labels["le"])
            summed[bound] = summed.get(bound, 0.0) + change
    wanted = {bound: -share for bound, share in shares(found, limit / 100).items()}
    got = {bound: share for bound, share in summed.items() if abs(share) > 1e-12}
    assert got == pytest.approx({b: s for b, s in wanted.items() if s})


def test_a_threshold_below_all_buckets_and_one_above() -> None:
    assert shares([0.5, math.inf], 0.1) == {0.5: 0.2}
    assert shares([0.5, math.inf], 2.0) == {0.5: 1.0}
    assert shares([math.inf], 2.0) == {}
    assert shares([-1.0, 1.0], -2.0) == {}


def row(instance: str, per_bucket: dict[str, int], seconds: int) -> dict[Labels, float]:
    """A histogram's page after some seconds; `per_bucket` are observations a second."""
    values: dict[Labels, float] = {}
    below = 0
    for le, count in per_bucket.items():
        below += count * seconds
        values[Labels.of("wait_seconds_bucket", le=le, instance=instance)] = below
    values[Labels.of("wait_seconds_count", instance=instance)] = below
    return values


LAYOUTS = {
    "a": {"0.25": 90, "0.5": 8, "+Inf": 2},  # 0.3 s is a fifth of the way: 91.6 of 100
    "b": {"0.1": 50, "0.3": 45, "1.0": 4, "+Inf": 1},  # a bound of its own: 95 of 100
}


@pytest.fixture
def objective():
    indicator = INDICATORS["latency"](histogram="wait_seconds", threshold_seconds=0.3)
    return make_objective("latency", indicator=indicator, days=7)


def served(store, ledger, ticks: int = 40) -> int:
    for tick in range(ticks):
        for instance, layout in LAYOUTS.items():
            store.scrape(instance, NOW + tick * TICK, row(instance, layout, tick))
        ledger.tick(NOW + tick * TICK)
    return NOW + (ticks - 1) * TICK


def test_each_histogram_is_counted_by_its_own_bounds(objective, tmp_path: Path) -> None:
    store = STORE()
    ledger = Ledger([objective], store, tmp_path, TICK)
    end_ms = served(store, ledger)
    bad, total = ledger.totals
    assert total[0] == 39 * 200
    assert bad[0] == pytest.approx(39 * (8.4 + 5), rel=1e-12)
    found = attribution(objective, store, None, NOW, end_ms)
    assert found.bad == pytest.approx(bad[0])
    by_instance = {one.value: one.bad for one in found.shares if one.label == "instance"}
    assert by_instance == pytest.approx({"a": 39 * 8.4, "b": 39 * 5.0})
    ticks = np.arange(NOW, end_ms + 1, TICK)
    past = past_events(objective, store, ticks, totals=store.counter_totals)
    assert past.bad[-1] == pytest.approx(bad[0])
    assert past.total[-1] == total[0]


def test_a_restart_goes_on_where_the_counts_were(objective, tmp_path: Path) -> None:
    store = STORE()
    ledger = Ledger([objective], store, tmp_path, TICK)
    end_ms = served(store, ledger)
    ledger.save()
    again = Ledger([objective], store, tmp_path, TICK)
    for instance, layout in LAYOUTS.items():
        store.scrape(instance, end_ms + TICK, row(instance, layout, 40))
    again.tick(end_ms + TICK)
    assert again.totals[0][0] == pytest.approx(40 * 13.4, rel=1e-12)
    assert again.totals[1][0] == 40 * 200


def test_made_concrete_it_is_a_sum_of_buckets_that_are_there(objective) -> None:
    store = STORE()
    store.scrape("b", NOW, row("b", LAYOUTS["b"], 1))
    made = concrete(objective.indicator, lambda of: store.labels_of(store.match(of)))
    name = Matcher("=", "__name__", "wait_seconds_bucket")
    assert made.bad[1:] == (CounterTerm(-1, (name, Matcher("=", "le", "0.3"))),)
    store.scrape("a", NOW, row("a", {"0.25": 1, "1": 1, "0.1": 1, "+Inf": 1}, 1))
    made = concrete(objective.indicator, lambda of: store.labels_of(store.match(of)))
    assert {str(term.matchers[-1]): term.coefficient for term in made.bad[1:]} == pytest.approx(
        {'le="0.1"': -0.7 / 0.9, 'le=~"1|1\\\\.0"': -0.2 / 0.9}
    )
    nothing = concrete(objective.indicator, lambda _: [])
    assert nothing == objective.indicator


def test_exported_rules_interpolate_between_buckets_that_are_there(objective) -> None:
    store = STORE()
    store.scrape("a", NOW, row("a", LAYOUTS["a"], 1))
    made = BucketDoubts(store).concrete(objective)
    text = rules_yaml([made])
    summed = r' \* \(sum\(increase\(wait_seconds_bucket\{le="%s"\}\[5m\]\)\) or vector\(0\)\)'
    assert re.search(r"0\.8\d*" + summed % "0.25", text)
    assert re.search(r"0\.(2|19)\d*" + summed % "0.5", text)
    assert 'wait_seconds_bucket{le="0.3"}' in rules_yaml([objective])


def test_the_doubt_is_told_in_events_and_percent(objective) -> None:
    store = STORE()
    for seconds in (0, 100):
        store.scrape("a", NOW + seconds, row("a", LAYOUTS["a"], seconds))
    series = lambda of: store.labels_of(store.match(of))  # noqa: E731
    count = lambda of: float(store.counter_totals(store.match(of)).total.sum())  # noqa: E731
    found = doubt(objective.indicator, series, count)
    assert (found.below, found.above, found.events, found.total) == (0.25, 0.5, 800, 10_000)
    assert found.wrong == pytest.approx(640)
    assert found.text == (
        "0.3 lies between the bounds 0.25 and 0.5: 800 of 10,000 events fell there, "
        "so up to 640 (6.40%) are judged by interpolation"
    )
    over = INDICATORS["latency"](histogram="wait_seconds", threshold_seconds=2.0)
    assert "up to 200 (2.00%) are judged as bad" in doubt(over, series, count).text
    exact = INDICATORS["latency"](histogram="wait_seconds", threshold_seconds=0.5)
    assert doubt(exact, series, count) is None
