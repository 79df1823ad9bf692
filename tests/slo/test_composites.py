"""Composites against single events: equal to the event, through outages, kills and back-fill."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from slo.composed import composed
from slo.composite import SETTLE_MS
from slo.config import SloConfig
from slo.corrections import Selector
from slo.evaluate import SloEngine
from slo.self_metrics import SloMetrics
from slo.specs import objectives_of

NOW = 1_700_000_010_000
TICK = 15_000
MINUTE = 60_000
EXAMPLES = int(os.environ.get("TOCSIN_COMPOSITE_EXAMPLES", "4"))
SPEC = """version: tocsin/v1
service: shop
slos:
  - {name: a, objective: 90%, bad: a_failed_total, total: a_total}
  - {name: b, objective: 75%, bad: b_failed_total, total: b_total}
  - {name: c, objective: 50%, good: c_ok_total, total: c_total}
  - {name: sum, objective: 99%, sum: {a: 3, b: 1}}
  - {name: funnel, objective: 99%, funnel: [a, b, c]}
  - {name: all, objective: 99%, all_of: [a, b, c]}
  - {name: any, objective: 99%, any_of: [a, b, c], slices: {of: 2m, good: 80%}}
  - {name: weighted, objective: 99%, weighted: {a: 2, b: 1, c: 1}}
  - {name: journey, objective: 99%, journey: [a, b, c]}
  - {name: strict, objective: 99%, all_of: [a, b, c], slices: {of: 1m, empty: bad}}
  - {name: nested, objective: 99%, any_of: [all, journey]}
"""
TARGETS = {"a": Fraction(9, 10), "b": Fraction(3, 4), "c": Fraction(1, 2)}
Counts = dict[str, tuple[int, int]]


class Deaf:
    def emit(self, alerts) -> None:
        pass


class Service:
    def __init__(self, store, directory: Path) -> None:
        self.store, self.directory = store, directory
        self.clock = ManualClock(NOW)
        self.counted = {name: [0, 0] for name in "abc"}
        self.events: list[tuple[int, Counts]] = []
        self.start()
        self.step({})

    def start(self) -> None:
        self.engine = SloEngine(
            objectives_of(SPEC, "spec"),
            self.store,
            self.store,
            Deaf(),
            self.clock,
            self.directory,
            SloConfig(),
            SloMetrics(CollectorRegistry()),
        )

    def kill(self) -> None:
        self.store = self.store.crashed()
        self.start()

    def scrape(self, counts: Counts) -> None:
        self.clock.advance(TICK)
        at_ms = self.clock.now_ms() - 1
        self.store.rows = [row for row in self.store.rows if row[0] == "shop"]
        for name, (bad, ok) in counts.items():
            self.counted[name][0] += bad
            self.counted[name][1] += ok
        values = {}
        for name, (bad, ok) in self.counted.items():
            values[Labels.of(f"{name}_total")] = bad + ok
            values[Labels.of(f"{name}_failed_total")] = bad
            values[Labels.of(f"{name}_ok_total")] = ok
        self.store.scrape("shop", at_ms, values)
        self.events.append((at_ms, {name: (bad, bad + ok) for name, (bad, ok) in counts.items()}))

    def step(self, counts: Counts) -> None:
        self.scrape(counts)
        self.engine.tick(self.clock.now_ms())

    def budget(self, name: str) -> tuple[float, float]:
        found = self.engine.verdict(f"shop/{name}").budget
        return found.bad, found.total


def slices_of(events, of_ms: int, until_ms: int) -> dict[int, Counts]:
    found: dict[int, dict] = defaultdict(dict)
    for at_ms, counts in events[1:]:
        end_ms = -(-at_ms // of_ms) * of_ms
        if end_ms + SETTLE_MS <= until_ms:
            for name, (bad, total) in counts.items():
                before = found[end_ms].get(name, (0, 0))
                found[end_ms][name] = (before[0] + bad, before[1] + total)
    return {end: {n: c for n, c in one.items() if c[1]} for end, one in found.items()}


def is_bad(counts: Counts, name: str, target: Fraction | None = None) -> bool:
    bad, total = counts[name]
    return Fraction(total - bad, total) < (TARGETS[name] if target is None else target)


def through(counts: Counts) -> tuple[Fraction, int]:
    passed = Fraction(1)
    for bad, total in counts.values():
        passed *= Fraction(total - bad, total)
    return passed, max(total for _, total in counts.values())


def oracle(events, now_ms: int) -> dict[str, tuple[Fraction | int, int]]:
    minutes = [one for one in slices_of(events, MINUTE, now_ms).values() if one]
    pairs = [one for one in slices_of(events, 2 * MINUTE, now_ms).values() if one]
    sums = {n: [sum(c.get(n, (0, 0))[i] for _, c in events[1:]) for i in (0, 1)] for n in "abc"}
    weights = {"a": 2, "b": 1, "c": 1}
    weighted = [
        sum(Fraction(weights[n] * bad, total) for n, (bad, total) in one.items())
        / sum(weights[n] for n in one)
        for one in minutes
    ]
    journeys = [through(one) for one in minutes]
    begun = sorted(end for end, one in slices_of(events, MINUTE, now_ms).items() if one)
    last_ms = (now_ms - SETTLE_MS) // MINUTE * MINUTE
    every = range(begun[0], last_ms + 1, MINUTE) if begun else ()
    by_end = slices_of(events, MINUTE, now_ms)
    strict = [any(n not in by_end.get(e, {}) or is_bad(by_end[e], n) for n in "abc") for e in every]
    alls = [any(is_bad(one, n) for n in one) for one in minutes]
    nested = [bad and t < Fraction(99, 100) for bad, (t, _) in zip(alls, journeys, strict=True)]
    return {
        "sum": (3 * sums["a"][0] + sums["b"][0], 3 * sums["a"][1] + sums["b"][1]),
        "funnel": (min(sum(one[0] for one in sums.values()), sums["a"][1]), sums["a"][1]),
        "all": (sum(alls), len(minutes)),
        "any": (sum(all(is_bad(o, n, Fraction(4, 5)) for n in o) for o in pairs), len(pairs)),
        "weighted": (sum(weighted), len(minutes)),
        "journey": (sum(n * (1 - t) for t, n in journeys), sum(n for _, n in journeys)),
        "nested": (sum(nested), len(minutes)),
        "strict": (sum(strict), len(strict)),
    }


counts_of_one = st.tuples(st.integers(0, 6), st.integers(0, 12))
ticks = st.dictionaries(st.sampled_from("abc"), counts_of_one, max_size=3)
steps = st.one_of(
    ticks.map(lambda one: ("tick", one)),
    ticks.map(lambda one: ("tick", one)),
    ticks.map(lambda one: ("tick", one)),
    st.tuples(st.just("outage"), st.lists(ticks, min_size=1, max_size=30)),
    st.just(("kill", None)),
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=8, max_size=60))
def test_composites_are_what_single_events_say(tmp_path_factory, new_store, history) -> None:
    service = Service(new_store(), tmp_path_factory.mktemp("slo"))
    for kind, given_ in history:
        if kind == "tick":
            service.step(given_)
        elif kind == "kill":
            service.kill()
        else:
            for one in given_:
                service.scrape(one)
    service.step({})
    expected = oracle(service.events, service.clock.now_ms())
    for name, (bad, total) in expected.items():
        found = service.budget(name)
        assert found[1] == total, name
        assert math.isclose(found[0], float(bad), rel_tol=1e-9, abs_tol=1e-9), name
    again = SloEngine(
        objectives_of(SPEC, "spec"),
        service.store,
        service.store,
        Deaf(),
        service.clock,
        tmp_path_factory.mktemp("new"),
        SloConfig(),
        SloMetrics(CollectorRegistry()),
    )
    again.tick(service.clock.now_ms())  # a new ledger finds the same in the store's history
    for name in expected:
        of = again.verdict(f"shop/{name}").budget
        assert math.isclose(of.bad, service.budget(name)[0], rel_tol=1e-9, abs_tol=1e-9), name
        assert of.total == service.budget(name)[1], name


def hand(kind: str, bad, total, **more):
    spec = "version: tocsin/v1\nservice: s\nslos:\n"
    names = "abc"[: len(bad)]
    for name in names:
        spec += f"  - {{name: {name}, objective: 90%, bad: {name}_bad, total: {name}_all}}\n"
    parts = more.get("parts", f"[{', '.join(names)}]")
    slices = more.get("slices", "{of: 1m}")
    spec += f"  - {{name: whole, objective: 99%, {kind}: {parts}, slices: {slices}}}\n"
    indicator = objectives_of(spec, "spec")[-1].indicator
    columns = [np.array([[float(x)] for x in one]) for one in (bad, total)]
    found = composed(indicator, *columns)
    return float(found.bad[0]), float(found.total[0]), found.blame[:, 0].tolist()


def test_cases_by_hand() -> None:
    assert hand("all_of", [2, 0], [10, 10]) == (1, 1, [1, 0])
    assert hand("all_of", [2, 2], [10, 10]) == (1, 1, [0.5, 0.5])
    assert hand("all_of", [1, 0], [10, 10]) == (0, 1, [0, 0])  # 90 % is kept
    assert hand("any_of", [9, 0], [10, 10]) == (0, 1, [0, 0])
    assert hand("any_of", [9, 5], [10, 10]) == (1, 1, [0.5, 0.5])
    assert hand("any_of", [9, 0], [10, 0]) == (1, 1, [1, 0])
    assert hand("journey", [5, 2], [10, 5]) == (7, 10, [5, 2])  # as many as the funnel lost
    assert hand("journey", [0, 2], [0, 4]) == (2, 4, [0, 2])
    bad, total, blame = hand("weighted", [5, 0], [10, 10], parts="{a: 3, b: 1}")
    assert (bad, total, blame) == (0.375, 1, [0.375, 0])
    for kind in ("all_of", "any_of", "journey", "weighted"):
        assert hand(kind, [0, 0], [0, 0]) == (0, 0, [0, 0])
        empty = hand(kind, [0, 0], [0, 0], slices="{of: 1m, empty: bad}")
        assert empty[:2] == (1, 1)
        assert sum(empty[2]) == 1
        assert hand(kind, [0, 0], [0, 0], slices="{of: 1m, empty: good}")[:2] == (0, 1)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["all_of", "any_of", "journey", "weighted"]),
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=3),
    st.sampled_from(["ignore", "good", "bad"]),
)
def test_what_the_parts_are_blamed_for_adds_up(kind, parts, empty) -> None:
    bad, total = [b for b, _ in parts], [b + ok for b, ok in parts]
    found, whole, blame = hand(kind, bad, total, slices=f"{{of: 1m, empty: {empty}}}")
    assert math.isclose(sum(blame), found, rel_tol=1e-12, abs_tol=1e-12)
    assert 0 <= found <= whole
    assert all(one >= 0 for one in blame)


def test_a_composite_without_traffic_for_long_has_no_data(tmp_path, new_store) -> None:
    service = Service(new_store(), tmp_path)
    for _ in range(12):
        service.step({"a": (0, 10), "b": (0, 10), "c": (0, 10)})
    assert service.engine.verdict("shop/all").state == "ok"
    service.kill()
    service.step({"a": (0, 10)})
    assert service.engine.verdict("shop/all").state == "ok"
    for _ in range(60):
        service.clock.advance(TICK)
        service.engine.tick(service.clock.now_ms())
    assert service.engine.verdict("shop/all").state == "no-data"


def test_a_composite_pages_like_any_other(tmp_path, new_store) -> None:
    service = Service(new_store(), tmp_path)
    for _ in range(20):
        service.step({"a": (0, 100), "b": (0, 100), "c": (0, 100)})
    for _ in range(30):
        service.step({"a": (50, 50), "b": (0, 100), "c": (0, 100)})
    assert "page" in service.engine.verdict("shop/all").firing_since_ms
    assert "page" in service.engine.verdict("shop/journey").firing_since_ms
    assert not service.engine.verdict("shop/any").firing_since_ms


@pytest.mark.parametrize("name", ["all", "journey", "sum"])
def test_a_correction_takes_slices_out_and_gives_them_back(tmp_path, new_store, name) -> None:
    service = Service(new_store(), tmp_path)
    for _ in range(20):
        service.step({"a": (5, 5), "b": (0, 10), "c": (0, 10)})
    before = service.budget(name)
    end_ms = service.clock.now_ms() // MINUTE * MINUTE - MINUTE
    made = service.engine.corrections.exclude(
        Selector(slo=f"shop/{name}"), end_ms - 2 * MINUTE, end_ms, "ann", "a test"
    )
    for _ in range(10):
        service.step({})
    left = service.budget(name)
    if name == "all":
        assert (left[0], left[1]) == (before[0] - 2 + 1, before[1] - 2 + 1)  # one more was over
    assert left[0] < before[0] + 40
    service.engine.corrections.revoke(made.correction.id, "ann", "a test")
    assert service.budget(name)[1] >= before[1]
