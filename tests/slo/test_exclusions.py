"""Corrections against an oracle that looks at single events: equality, and back to the last bit."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from slo.budget import Budget
from slo.config import SloConfig
from slo.corrections import Selector
from slo.evaluate import SloEngine
from slo.self_metrics import SloMetrics

NOW = 1_700_000_010_000
TICK = 15_000
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
    st.tuples(st.just("outage"), st.integers(1, 300)),
    st.tuples(st.just("exclude"), edges),
    st.tuples(st.just("exclude"), edges),
    st.tuples(st.just("revoke"), st.integers(0, 20)),
    st.tuples(st.just("kill")),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
    assert all(one.is_exact for one in service.engine._exclusions.by_column.values())
    for id_ in in_force:
        service.engine.corrections.revoke(id_, "bob", "all of them")
    check(service, [])
    bad, total = service.truth(0, [])
    assert service.budget() == Budget(service.objectives[0].target, bad, total)


def check(service: Service, stretches: list[tuple[int, int]]) -> None:
    own = service.engine._exclusions.by_column.get(0)
    for window_ms in WINDOWS:
        found = service.counts(window_ms)
        assert 0 <= found.bad[0] <= found.total[0]
        if own is None or own.is_exact:
            assert (found.bad[0], found.total[0]) == service.truth(found.start_ms, stretches)
