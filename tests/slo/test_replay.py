"""A replay decides as the engine decided: on traffic with resets, gaps and births."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from slo.calendar_window import CalendarWindow
from slo.config import SloConfig
from slo.evaluate import SloEngine
from slo.judgement import Criteria
from slo.objective import Timeslices
from slo.past_events import past_events
from slo.replay import latch, replay
from slo.row_places import RowPlaces
from slo.self_metrics import SloMetrics
from slo.slices import Slices, resolutions
from slo.window import DAY_MS

NOW = 1_700_000_000_000 // DAY_MS * DAY_MS - 3_540_000
TICK_MS = 60_000
TICKS = 340
CONFIG = SloConfig.model_validate({"tick": "1m"})


class Sink:
    def __init__(self) -> None:
        self.sent: list[tuple[str, int, int | None]] = []

    def emit(self, alerts) -> None:
        for one in alerts:
            if "condition" not in dict(one.labels.pairs):
                self.sent.append((one.labels["severity"], one.starts_at_ms, one.ends_at_ms))

    def spans(self) -> set[tuple[str, int, int | None]]:
        begun = {(severity, start): None for severity, start, _ in self.sent}
        ended = {(severity, start): end for severity, start, end in self.sent if end}
        return {(*key, ended.get(key)) for key in begun}


class Service:
    """Traffic in phases of many shapes; its counters reset, and it is not scraped at times."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.draw = np.random.default_rng(seed)
        self.counts = {"200": 1000.0, "500": 10.0}
        self.phase = 0
        self.mute = 0
        self.rate, self.errors = 100, 0.0

    def minute(self, number: int) -> dict[Labels, float] | None:
        if self.phase == 0:
            self.phase = self.random.choice((5, 20, 60, 120))
            self.rate = self.random.choice((0, 3, 100, 5000))
            self.errors = self.random.choice((0.0, 0.0, 0.0005, 0.004, 0.02, 0.3))
        self.phase -= 1
        if self.random.random() < 0.01:
            self.counts = dict.fromkeys(self.counts, 0.0)
        if number == 200:
            self.counts["503"] = 0.0
        failed = int(self.draw.binomial(self.rate, self.errors))
        self.counts["200"] += self.rate - failed
        self.counts["503" if "503" in self.counts else "500"] += failed
        self.mute = self.mute - 1 if self.mute else self.random.choice((0,) * 60 + (1, 3, 12))
        if self.mute:
            return None
        return {
            Labels.of("requests_total", job="shop", instance="a", code=code): value
            for code, value in self.counts.items()
        }


class Live:
    """An engine that ran, and what it decided at each of its ticks."""

    def __init__(self, store, directory: Path, objective, seed: int) -> None:
        self.store, self.sink = store, Sink()
        clock = ManualClock(NOW)
        metrics = SloMetrics(CollectorRegistry())
        engine = SloEngine([objective], store, store, self.sink, clock, directory, CONFIG, metrics)
        self.ticks_ms = NOW + np.arange(TICKS, dtype=np.int64) * TICK_MS
        self.burning: list[tuple[bool, ...]] = []
        self.left: list[float] = []
        service = Service(seed)
        engine.tick(NOW)
        self._note(engine)
        for number, now_ms in enumerate(self.ticks_ms[1:].tolist()):
            clock.advance(TICK_MS)
            values = service.minute(number)
            if values is not None:
                store.scrape("shop", now_ms - 7_000, values)
            engine.tick(now_ms)
            self._note(engine)

    def _note(self, engine: SloEngine) -> None:
        verdict = engine.verdicts()[0]
        self.burning.append(tuple(one.is_burning for one in verdict.tiers))
        self.left.append(verdict.budget.left_ratio)


def differences(live: Live, objective, totals) -> int:
    criteria = Criteria([objective])
    events = past_events(objective, live.store, live.ticks_ms, totals=totals)
    found = replay(criteria, 0, events, NOW, TICK_MS)
    burning = np.array([found.burning[tier] for tier in criteria.policies[0].tiers]).T
    wrong = int((burning != np.array(live.burning)).sum())
    sent = {(one.severity, one.begins_ms, one.ends_ms) for one in found.sent}
    assert found.left_ratio == live.left[-1]
    return wrong + len(sent ^ live.sink.spans())


VARIANTS = {
    "thirty days": {},
    "a day": {"days": 1},
    "a calendar day": {"window": CalendarWindow("day")},
    "slices": {"days": 7, "budgeting": Timeslices(300_000, None)},
    "bad empty slices": {"days": 1, "budgeting": Timeslices(180_000, None, "bad")},
}


SEEDS = (5, 6)


@pytest.fixture(scope="module")
def lives(tmp_path_factory, new_store, objective):
    """What was decided live of a variant's objective on a seed's traffic; each is lived once."""
    made = {}

    def lived(variant: str, seed: int):
        if (variant, seed) not in made:
            more = dict(VARIANTS[variant])
            window = more.pop("window", None)
            one = objective(bad='requests_total{code=~"5.."}', **more)
            one = replace(one, window=window) if window else one
            live = Live(new_store(), tmp_path_factory.mktemp("live"), one, seed)
            made[variant, seed] = live, one
        return made[variant, seed]

    return lived


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_replay_has_no_difference_to_what_was_decided_live(
    lives, variant: str, seed: int
) -> None:
    live, one = lives(variant, seed)
    assert differences(live, one, live.store.counter_totals) == 0


def test_the_traffic_that_is_compared_pages_opens_tickets_and_ends_them(lives) -> None:
    spans = {span for seed in SEEDS for span in lives("thirty days", seed)[0].sink.spans()}
    assert {severity for severity, _, _ in spans} == {"page", "ticket"}
    assert any(end for _, _, end in spans)


def test_windows_begin_at_the_rows_that_a_ledger_keeps() -> None:
    ticks = np.cumsum(np.random.default_rng(1).integers(1, 4, 4000)) * 15_000 + NOW
    rings = resolutions(15_000, DAY_MS)
    calendar = CalendarWindow("day", zone="Europe/Berlin")
    slices = Slices(rings, 1, [calendar])
    places = RowPlaces(ticks, rings, [calendar])
    looked = {
        ms: places.at(ticks - ms) for ms in (0, 60_000, 3_600_000, 86_400_000, 3 * 86_400_000)
    }
    for index, now_ms in enumerate(ticks.tolist()):
        slices.append(now_ms, np.array([float(index)]), np.array([float(index)]))
        if index % 37 == 0 or index > 3900:
            for ms, rows in looked.items():
                row = slices.at(now_ms - ms)
                assert row is not None
                assert row.total[0] == rows[index]


def test_what_ends_at_a_tick_does_not_begin_at_it() -> None:
    begins = np.array([0, 1, 1, 1, 0, 0, 1], np.bool_)
    ends = np.array([1, 1, 0, 1, 0, 0, 0], np.bool_)
    assert latch(begins, ends).tolist() == [False, True, True, False, False, False, True]
