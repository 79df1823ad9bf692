"""Objectives on the real store: a whole tick of ten thousand, what it is made of, and of more.

Each objective has 40 series of its own for its total events (4 codes on 10 routes), 10 of them its
errors; 2 % of them burn. A tick is what the engine does every 15 s: count, judge on all windows,
emit alerts, publish. The first one also finds the series and makes those that it publishes.
"""

from __future__ import annotations

import statistics
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from bench import slo_history, slo_past, slo_peer
from bench.figures import Figure
from collector.model.alert import Alert
from collector.model.clock import ManualClock, SystemClock
from collector.model.labels import Labels
from collector.store.tsdb import Tsdb
from slo.burning import nothing_burns
from slo.config import SloConfig
from slo.corrections import Selector
from slo.evaluate import SloEngine
from slo.indicators import INDICATORS
from slo.judgement import Criteria
from slo.ledger import Ledger
from slo.objective import Objective
from slo.self_metrics import SloMetrics
from slo.window import DAY_MS, Window

CODES = ("200", "404", "429", "500")
RATES = (1000.0, 2.0, 1.0, 0.0)
ROUTES = 10
MANY, VERY_MANY, PEER_OBJECTIVES = 10_000, 100_000, 200
TICK_MS = 15_000
WARM_TICKS, TICKS = 12, 20
START_MS = 1_700_000_000_000
EXCLUDED_MS = 10 * TICK_MS


class Silent:
    """An alert sink that keeps nothing."""

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Forget them."""


class Traffic:
    """Services that count requests on some routes, scraped as one row."""

    def __init__(self, store: Tsdb, services: int, routes: int) -> None:
        self._store = store
        labels = counters(services, routes)
        self._refs = store.refs("services", labels)
        self._counts = np.zeros(len(labels))
        self._rates = np.tile(RATES, services * routes)
        self._rates[3 :: len(CODES) * routes * 50] = 50.0 * routes

    def scrape(self, at_ms: int) -> None:
        """One more tick's requests."""
        self._counts += self._rates
        self._store.append_row("services", at_ms, self._refs, self._counts.copy())


def counters(services: int, routes: int) -> list[Labels]:
    """The series of some services."""
    return [
        Labels.of("http_requests_total", service=f"s{service}", route=f"r{route}", code=code)
        for service in range(services)
        for route in range(routes)
        for code in CODES
    ]


@dataclass(frozen=True, slots=True)
class World:
    """An engine over a store, and what it judges."""

    clock: ManualClock
    traffic: Traffic
    objectives: list[Objective]
    store: Tsdb
    engine: SloEngine

    def ticks_ms(self, count: int) -> list[float]:
        """Milliseconds of so many ticks."""
        found = []
        for _ in range(count):
            self.clock.advance(TICK_MS)
            self.traffic.scrape(self.clock.now_ms())
            found.append(milliseconds(partial(self.engine.tick, self.clock.now_ms())))
        return found


def measure() -> list[Figure]:
    """Medians over the ticks that follow the warm-up."""
    figures = [
        *_in_a_world(MANY, ROUTES, _many),
        *_in_a_world(VERY_MANY, 1, _very_many),
        *slo_history.measure(),
        *slo_past.measure(),
    ]
    whole = next(one for one in figures if one.name == "slo_10k_tick_ms")
    few = [objective(service) for service in range(PEER_OBJECTIVES)]
    series = counters(PEER_OBJECTIVES, ROUTES)
    return [*figures, *slo_peer.measure(whole.value / MANY, few, series)]


def _in_a_world(
    services: int, routes: int, what: Callable[[World, Path], list[Figure]]
) -> list[Figure]:
    with tempfile.TemporaryDirectory() as directory:
        clock = ManualClock(START_MS)
        store = Tsdb.open(Path(directory) / "store", clock)
        try:
            objectives = [objective(service) for service in range(services)]
            traffic = Traffic(store, services, routes)
            metrics = SloMetrics(CollectorRegistry())
            path = Path(directory) / "slo"
            args = (objectives, store, store, Silent(), clock, path, SloConfig(), metrics)
            return what(World(clock, traffic, objectives, store, SloEngine(*args)), path)
        finally:
            store.close()


def _many(world: World, directory: Path) -> list[Figure]:
    with Heartbeat() as heart:
        first = world.ticks_ms(1)[0]
    early = world.ticks_ms(WARM_TICKS)
    whole = world.ticks_ms(TICKS)
    counting, judging = _parts(world, directory / "alone")
    both = statistics.median(counting) + statistics.median(judging)
    return [
        Figure("slo_10k_evaluate_ms", statistics.median(judging), "ms", at_most=5),
        Figure("slo_10k_count_and_evaluate_ms", both, "ms", at_most=50),
        Figure("slo_10k_tick_ms", statistics.median(whole), "ms", at_most=50),
        Figure("slo_10k_slowest_tick_ms", max(whole), "ms"),
        Figure("slo_10k_first_tick_seconds", first / 1000, "s"),
        Figure("slo_10k_longest_stall_of_others_ms", heart.longest_ms, "ms"),
        Figure("slo_10k_second_to_twelfth_tick_ms", statistics.median(early), "ms"),
        *_excluded(world),
    ]


def _parts(world: World, directory: Path) -> tuple[list[float], list[float]]:
    """Milliseconds of counting alone, and of judging alone."""
    ledger = Ledger(world.objectives, world.store, directory, TICK_MS)
    criteria = Criteria(world.objectives)
    counting, judging = [], []
    burning = nothing_burns(len(world.objectives))
    for _ in range(TICKS):
        world.clock.advance(TICK_MS)
        now_ms = world.clock.now_ms()
        world.traffic.scrape(now_ms)
        counting.append(milliseconds(partial(ledger.tick, now_ms)))
        counts, data = partial(ledger.window_counts, now_ms=now_ms), ledger.has_data(now_ms)
        judging.append(milliseconds(partial(criteria.judge, now_ms, counts, data, burning)))
        burning = criteria.judge(now_ms, counts, data, burning).burning
    return counting[1:], judging[1:]


def _excluded(world: World) -> list[Figure]:
    """The same ticks with a stretch of time taken out of every objective."""
    now_ms = world.clock.now_ms()
    selector = Selector(slo="*")
    world.engine.corrections.exclude(
        selector, now_ms - EXCLUDED_MS, now_ms + EXCLUDED_MS, "bench", "bench"
    )
    found = world.ticks_ms(TICKS)
    return [
        Figure("slo_10k_all_excluded_tick_ms", statistics.median(found), "ms", at_most=200),
        Figure("slo_10k_all_excluded_slowest_tick_ms", max(found), "ms"),
    ]


def _very_many(world: World, _: Path) -> list[Figure]:
    first = world.ticks_ms(1)[0]
    world.ticks_ms(1)
    found = world.ticks_ms(8)
    return [
        Figure("slo_100k_tick_ms", statistics.median(found), "ms", at_most=1000),
        Figure("slo_100k_first_tick_seconds", first / 1000, "s"),
    ]


def objective(service: int, days: int = 30) -> Objective:
    """99.9 % of a service's requests."""
    selector = f'http_requests_total{{service="s{service}"'
    return Objective(
        service=f"s{service}",
        name="availability",
        target=Fraction(999, 1000),
        window=Window(days * DAY_MS),
        indicator=INDICATORS["ratio"](bad=f'{selector},code=~"5.."}}', total=f"{selector}}}"),
    )


class Heartbeat:
    """How long another thread of the process had to wait for its turn."""

    EVERY_SECONDS = 0.001

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        clock = SystemClock()
        before = clock.monotonic_seconds()
        while not self._stop.wait(self.EVERY_SECONDS):
            now = clock.monotonic_seconds()
            self.longest_ms = max(self.longest_ms, (now - before - self.EVERY_SECONDS) * 1000)
            before = now


def milliseconds(do: Callable[[], object]) -> float:
    """How long something took."""
    clock = SystemClock()
    start = clock.monotonic_seconds()
    do()
    return (clock.monotonic_seconds() - start) * 1000
