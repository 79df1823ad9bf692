"""Corrections against an oracle that looks at single events: equality, and back to the last bit."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.errors import InputError
from collector.model.labels import Labels
from slo.budget import Budget
from slo.config import SloConfig
from slo.corrections import NAME, Selector
from slo.evaluate import SloEngine
from slo.excluded import Events, Part, excluded
from slo.excluded_sums import ExcludedSums
from slo.objective import Timeslices
from slo.self_metrics import SloMetrics

NOW = 1_700_000_010_000
TICK = 15_000
EXAMPLES = int(os.environ.get("TOCSIN_CORRECTION_EXAMPLES", "20"))
OK, FAILED = (Labels.of("requests_total", code=code) for code in ("200", "500"))
ALL = Selector(slo="*")
WINDOWS = (TICK, 4 * TICK, 300_000, 3_600_000, 30 * 86_400_000)


class Deaf:
    def __init__(self) -> None:
        self.alerts: list = []

    def emit(self, alerts) -> None:
        self.alerts += alerts


class Service:
    """Requests, the store that scrapes them a millisecond before each tick, and the engine."""

    def __init__(self, store, objectives, directory: Path, **config: object) -> None:
        self.store, self.objectives, self.directory = store, objectives, directory
        self.config = SloConfig.model_validate(config)
        self.clock = ManualClock(NOW)
        self.events: list[tuple[int, int, int]] = []
        self.ok = self.failed = 0
        self.start()
        self.tick(0, 0)

    def start(self) -> None:
        self.sink = Deaf()
        self.engine = SloEngine(
            self.objectives,
            self.store,
            self.store,
            self.sink,
            self.clock,
            self.directory,
            self.config,
            SloMetrics(CollectorRegistry()),
        )

    def kill(self) -> None:
        self.store = self.store.crashed()
        self.start()
        self.engine.tick(self.clock.now_ms())

    def scrape(self, ok: int, failed: int) -> None:
        self.clock.advance(TICK)
        self.ok, self.failed = self.ok + ok, self.failed + failed
        at_ms = self.clock.now_ms() - 1
        self.store.scrape("shop", at_ms, {OK: self.ok, FAILED: self.failed})
        self.events.append((at_ms, failed, ok + failed))

    def tick(self, ok: int, failed: int) -> None:
        self.scrape(ok, failed)
        self.engine.tick(self.clock.now_ms())

    def outage(self, scrapes: int) -> None:
        for _ in range(scrapes):
            self.scrape(7, 1)
        self.engine.tick(self.clock.now_ms())

    def truth(self, start_ms: int, stretches) -> tuple[int, int]:
        kept = [
            (bad, total)
            for at_ms, bad, total in self.events[1:]
            if at_ms > start_ms and not any(s < at_ms <= e for s, e in stretches)
        ]
        return sum(bad for bad, _ in kept), sum(total for _, total in kept)

    def counts(self, window_ms: int):
        return self.engine._counts(window_ms, self.clock.now_ms())

    def budget(self, id_: str = "shop/availability") -> Budget:
        return self.engine.verdict(id_).budget


edges = st.tuples(st.integers(-8, 60), st.integers(1, 40), st.integers(0, TICK - 2))
steps = st.one_of(
    st.tuples(st.just("tick"), st.integers(0, 100), st.integers(0, 50)),
    st.tuples(st.just("tick"), st.integers(0, 100), st.integers(0, 50)),
    st.tuples(st.just("outage"), st.integers(1, 100)),
    st.tuples(st.just("exclude"), edges),
    st.tuples(st.just("exclude"), edges),
    st.tuples(st.just("revoke"), st.integers(0, 20)),
    st.tuples(st.just("kill")),
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=5, max_size=40))
def test_what_is_left_is_what_single_events_say(
    tmp_path_factory, new_store, objective, history
) -> None:
    service = Service(new_store(), [objective()], tmp_path_factory.mktemp("slo"))
    in_force: dict[str, tuple[int, int]] = {}
    for name, *arguments in history:
        if name == "exclude":
            ago, length, more = arguments[0]
            start_ms = service.clock.now_ms() - ago * TICK + more
            end_ms = start_ms + length * TICK
            made = service.engine.corrections.exclude(ALL, start_ms, end_ms, "ann", "a test")
            in_force[made.correction.id] = (start_ms, end_ms)
        elif name == "revoke" and in_force:
            id_ = sorted(in_force)[arguments[0] % len(in_force)]
            service.engine.corrections.revoke(id_, "bob", "it was one")
            del in_force[id_]
        elif name != "revoke":
            getattr(service, name)(*arguments)
        check(service, list(in_force.values()))
    service.outage(120)
    for _ in range(5):
        service.tick(3, 1)
    check(service, list(in_force.values()))
    exclusions, ledger = service.engine._exclusions, service.engine._ledger
    found = [exclusions.of_column(ledger, column) for column in range(len(service.objectives))]
    assert all(one.is_exact for one in found if one is not None)
    for id_ in in_force:
        service.engine.corrections.revoke(id_, "bob", "all of them")
    check(service, [])
    bad, total = service.truth(0, [])
    assert service.budget() == Budget(service.objectives[0].target, bad, total)


def check(service: Service, stretches: list[tuple[int, int]]) -> None:
    own = service.engine._exclusions.of_column(service.engine._ledger, 0)
    for window_ms in WINDOWS:
        found = service.counts(window_ms)
        assert 0 <= found.bad[0] <= found.total[0]
        if own is None or own.is_exact:
            assert (found.bad[0], found.total[0]) == service.truth(found.start_ms, stretches)


def stretch_of(service: Service, ticks_ago: int, ticks: int) -> tuple[int, int]:
    start_ms = service.clock.now_ms() - ticks_ago * TICK
    return start_ms, start_ms + ticks * TICK


@pytest.fixture
def service(tmp_path, new_store, objective) -> Service:
    return Service(new_store(), [objective()], tmp_path)


def test_a_revoked_correction_gives_every_figure_back(service: Service) -> None:
    for tick in range(60):
        service.tick(90 + tick, tick % 7)
    before = service.engine.verdict("shop/availability")
    history = service.engine.history("shop/availability", NOW, NOW + 60 * TICK, TICK)
    made = service.engine.corrections.exclude(ALL, *stretch_of(service, 30, 10), "ann", "a test")
    changed = service.engine.verdict("shop/availability")
    assert changed.budget != before.budget
    assert changed.raw_budget == before.budget
    assert changed.burn_rates != before.burn_rates
    service.engine.corrections.revoke(made.correction.id, "bob", "it was one")
    assert service.engine.verdict("shop/availability") == before
    after = service.engine.history("shop/availability", NOW, NOW + 60 * TICK, TICK)
    for name in ("good", "bad", "total", "budget_left_ratio"):
        assert getattr(after, name).tobytes() == getattr(history, name).tobytes()


def test_history_leaves_out_what_the_budget_does(service: Service) -> None:
    for _ in range(60):
        service.tick(90, 10)
    start_ms, end_ms = stretch_of(service, 30, 10)
    service.engine.corrections.exclude(ALL, start_ms, end_ms, "ann", "a test")
    found = service.engine.history("shop/availability", NOW, service.clock.now_ms(), TICK)
    inside = (found.times_ms > start_ms) & (found.times_ms <= end_ms)
    assert found.bad[inside].sum() == 0
    assert (found.bad[~inside][2:] == 10).all()
    assert found.budget_left_ratio[-1] == service.budget().left_ratio
    raw = service.engine.history("shop/availability", NOW, service.clock.now_ms(), TICK, raw=True)
    assert raw.bad[inside].sum() == 100


def test_no_page_while_it_lasts_nor_for_it_afterwards(service: Service) -> None:
    for _ in range(60):
        service.tick(100, 0)
    now_ms = service.clock.now_ms()
    service.engine.corrections.exclude(ALL, now_ms, now_ms + 40 * TICK, "ann", "a release")
    for _ in range(40):
        service.tick(0, 100)
    for _ in range(40):
        service.tick(100, 0)
    assert not service.sink.alerts
    assert service.budget().left_ratio == 1.0
    for _ in range(40):
        service.tick(50, 50)
    assert {alert.labels["severity"] for alert in service.sink.alerts} >= {"page"}


def test_an_exclusion_after_the_fact_ends_the_page(service: Service) -> None:
    for _ in range(60):
        service.tick(100, 0)
    for _ in range(20):
        service.tick(50, 50)
    assert service.engine.verdict("shop/availability").firing_since_ms
    service.engine.corrections.exclude(ALL, *stretch_of(service, 20, 20), "ann", "a load test")
    assert not service.engine.verdict("shop/availability").firing_since_ms
    assert service.sink.alerts[-1].ends_at_ms is not None


def test_who_is_under_maintenance_is_not_missed(service: Service) -> None:
    for _ in range(10):
        service.tick(100, 0)
    now_ms = service.clock.now_ms()
    service.engine.corrections.exclude(ALL, now_ms, now_ms + 80 * TICK, "ann", "off")
    for ticks, missed in ((60, False), (30, True)):
        for _ in range(ticks):
            service.clock.advance(TICK)
            service.engine.tick(service.clock.now_ms())
        told = {alert.labels["alertname"] for alert in service.sink.alerts}
        assert ("SLONoData" in told) == missed


def test_what_was_read_once_outlives_the_store(service: Service) -> None:
    for _ in range(60):
        service.tick(90, 10)
    stretch = stretch_of(service, 30, 10)
    service.engine.corrections.exclude(ALL, *stretch, "ann", "a test")
    found = service.budget()
    service.engine.close()
    service.store.rows = service.store.rows[-3:]  # as retention would
    service.start()
    service.engine.tick(service.clock.now_ms())
    assert service.budget() == found


def test_rows_of_the_ledger_stand_in_for_a_store_that_forgot(service: Service) -> None:
    for _ in range(60):
        service.tick(90, 10)
    service.store.rows = service.store.rows[-3:]
    service.engine.corrections.exclude(ALL, *stretch_of(service, 30, 10), "ann", "a test")
    assert (service.budget().bad, service.budget().total) == (500, 5000)
    verdict = service.engine.verdict("shop/availability")
    assert any("by the ledger's rows" in one for one in verdict.warnings)


def test_too_much_left_out_is_told(service: Service) -> None:
    for _ in range(60):
        service.tick(90, 10)
    end_ms = service.clock.now_ms()
    service.engine.corrections.exclude(ALL, end_ms - 3 * 86_400_000, end_ms, "ann", "to look good")
    verdict = service.engine.verdict("shop/availability")
    assert verdict.excluded_ratio == 0.1
    assert any("10.00% of the window, more than the 5.00%" in one for one in verdict.warnings)


def test_only_the_selected_are_corrected(tmp_path, new_store, objective) -> None:
    objectives = [
        objective(),
        objective("labelled", labels={"team": "pay"}),
        objective("other", labels={"team": "cart"}),
    ]
    service = Service(new_store(), objectives, tmp_path)
    for _ in range(60):
        service.tick(90, 10)
    stretch = stretch_of(service, 30, 10)
    desk = service.engine.corrections
    report = desk.exclude(Selector(service="shop", labels={"team": "pay"}), *stretch, "ann", "why")
    assert report.objectives == ("shop/labelled",)
    assert report.taken["shop/labelled"].bad == 100
    assert service.budget("shop/labelled").bad == 500
    assert service.budget("shop/availability").bad == service.budget("shop/other").bad == 600
    with pytest.raises(InputError, match="no objective fits"):
        desk.exclude(Selector(service="ship"), *stretch, "ann", "why")


def test_whole_slices_are_left_out(tmp_path, new_store, objective) -> None:
    slices = objective(budgeting=Timeslices(60_000, objective().target))
    service = Service(new_store(), [slices], tmp_path)
    for _ in range(80):
        service.tick(90, 10)
    before = service.budget()
    start_ms = service.clock.now_ms() // 60_000 * 60_000 - 10 * 60_000
    made = service.engine.corrections.exclude(ALL, start_ms + 1, start_ms + 180_001, "ann", "x")
    assert made.taken["shop/availability"].total == 4
    assert service.budget() == Budget(slices.target, before.bad - 4, before.total - 4)
    service.engine.corrections.revoke(made.correction.id, "bob", "x")
    assert service.budget() == before


def test_an_event_is_left_out_once_however_many_cover_it() -> None:
    def events(*times: int) -> Events:
        return Events(np.array(times, np.int64), np.ones(len(times)), np.full(len(times), 2.0))

    found = excluded(
        [
            Part(10, 50, events(20, 30, 50)),
            Part(0, 40, events(5, 20, 30)),
            Part(45, 48, events()),
            Part(50, 60, events(60)),
            Part(80, 90, events(85)),
        ]
    )
    assert found.stretches == ((0, 60), (80, 90))
    other = excluded([Part(0, 30, events(25))])
    for columns in ({0: found}, {3: found, 1: other}, {1: found, 3: other, 4: found}):
        sums = ExcludedSums(columns)
        for span, expected in (((0, 100), (6.0, 12.0)), ((20, 50), (2.0, 4.0))):
            bad, total = sums.between(*span)
            told = dict(zip(sums.columns.tolist(), zip(bad, total, strict=True), strict=True))
            assert [told[c] for c, one in columns.items() if one is found].count(expected) == len(
                [one for one in columns.values() if one is found]
            )
    assert found.ratio(50, 90) == 0.5
    assert [found.covers(at) for at in (0, 1, 60, 61, 80, 90)] == [0, 1, 1, 0, 0, 1]


def test_the_trail_is_only_added_to(service: Service, tmp_path: Path) -> None:
    service.tick(1, 0)
    made = service.engine.corrections.exclude(ALL, *stretch_of(service, 1, 3), "ann", "größer")
    before = (tmp_path / NAME).read_bytes()
    service.engine.corrections.revoke(made.correction.id, "bob", "no")
    after = (tmp_path / NAME).read_bytes()
    assert after.startswith(before)
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"action": "add", "id": "c2", "sl')  # torn by a crash
    service.kill()
    [report] = service.engine.corrections.reports()
    assert (report.correction.made.author, report.correction.made.reason) == ("ann", "größer")
    assert report.correction.revoked.author == "bob"
    again = service.engine.corrections.exclude(ALL, *stretch_of(service, 1, 3), "ann", "again")
    service.kill()
    assert [one.correction.id for one in service.engine.corrections.reports()] == [
        again.correction.id,
        made.correction.id,
    ]


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "author", "reason", "part"),
    [
        (5, 5, "ann", "why", "ends after it begins"),
        (0, 36 * 86_400_000, "ann", "why", "lasts 35d at most"),
        (0, 1, " ", "why", "without its author"),
        (0, 1, "ann", "", "without its reason"),
        (0, 1, "ann", "x" * 1001, "longer than"),
    ],
)
def test_what_no_correction_can_be(
    service: Service, start_ms: int, end_ms: int, author: str, reason: str, part: str
) -> None:
    with pytest.raises(InputError, match=part):
        service.engine.corrections.exclude(ALL, start_ms, end_ms, author, reason)
    assert not service.engine.corrections.reports()


def test_revoking_twice_or_what_is_not_there(service: Service) -> None:
    service.tick(1, 0)
    made = service.engine.corrections.exclude(ALL, *stretch_of(service, 1, 3), "ann", "why")
    service.engine.corrections.revoke(made.correction.id, "bob", "no")
    for id_, part in ((made.correction.id, "already"), ("c9", "no correction")):
        with pytest.raises(InputError, match=part):
            service.engine.corrections.revoke(id_, "bob", "no")
    with pytest.raises(InputError, match="no objective is named"):
        Selector()
