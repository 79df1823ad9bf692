"""The ledger over the real store, through kill -9: equal to what the process counted itself."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.store.tsdb import Tsdb
from slo.ledger import Ledger

NOW = 1_700_000_000_000
TICK = 15_000
CODES = ("200", "404", "500")


class World:
    """A process that counts, the store that scrapes it, and the ledger; the two can be killed."""

    def __init__(self, directory: Path, objective) -> None:
        self.directory, self.objective = directory, objective
        self.clock = ManualClock(NOW)
        self.counters = {"200": 0}
        self.total = self.bad = 0
        self.open()
        self.scrape()

    def open(self) -> None:
        self.store = Tsdb.open(self.directory / "store", self.clock)
        self.ledger = Ledger([self.objective], self.store, self.directory / "ledger", TICK)

    def kill(self) -> None:
        """What kill -9 leaves behind: nothing is closed but, by the kernel, the lock."""
        os.close(self.store._lock_descriptor)

    def serve(self, code: str, events: int) -> None:
        self.counters[code] = self.counters.get(code, 0) + events
        self.total += events
        self.bad += events if code == "500" else 0

    def restart_process(self) -> None:
        self.counters = dict.fromkeys(self.counters, 0)
        self.scrape()

    def scrape(self) -> None:
        self.clock.advance(TICK // 3)
        labels = [Labels.of("requests_total", code=code) for code in self.counters]
        values = np.array(list(self.counters.values()), np.float64)
        refs = self.store.refs("shop", labels)
        self.store.append_row("shop", self.clock.now_ms(), refs, values)

    def tick(self) -> None:
        self.clock.advance(TICK // 3)
        self.ledger.tick(self.clock.now_ms())
        self.ledger.save_if_due(self.clock.now_ms())


@pytest.mark.parametrize("seed", range(3))
def test_kills_at_any_time_lose_and_double_nothing(tmp_path: Path, objective, seed: int) -> None:
    chance = random.Random(seed)
    world = World(tmp_path, objective())
    for _ in range(700):
        world.serve(chance.choice(CODES), chance.randrange(50))
        world.scrape()
        if chance.random() < 0.02:
            world.restart_process()
        if chance.random() < 0.9:
            world.tick()
        if chance.random() < 0.02:
            world.kill()
            world.open()
        if chance.random() < 0.02:
            world.store.maintain()
    world.tick()
    bad, total = world.ledger.totals
    world.kill()
    assert world.ledger.lost_marks == 0
    assert (bad[0], total[0]) == (world.bad, world.total)


def test_a_young_objective_finds_blocks_and_head_filled(tmp_path: Path, objective) -> None:
    world = World(tmp_path, objective())
    for step in range(3000):
        world.serve("500" if step % 10 == 0 else "200", step % 7)
        world.scrape()
        world.clock.advance(TICK // 3)
        if step % 100 == 0:
            world.store.maintain()
    world.tick()
    bad, total = world.ledger.totals
    world.kill()
    assert (bad[0], total[0]) == (world.bad, world.total)


def test_samples_that_come_late_or_are_no_number_are_counted_once(
    tmp_path: Path, objective
) -> None:
    """A pushed row that is older than the newest, NaN, and rows that are missing add nothing."""
    world = World(tmp_path, objective())
    for step in range(40):
        world.serve("200", 7)
        if step % 5 == 4:  # a scrape is missed
            world.clock.advance(TICK // 3)
        else:
            world.scrape()
        world.tick()
        labels = [Labels.of("requests_total", code="200")]
        refs, now_ms = world.store.refs("shop", labels), world.clock.now_ms()
        if step % 7 == 3:
            world.store.append_row("shop", now_ms, refs, np.array([np.nan]))
        if step % 7 == 5:
            late = np.array([float(world.counters["200"] - 3)])
            world.store.append_row("shop", now_ms - TICK, refs, late)
        world.tick()
    world.scrape()
    world.tick()
    bad, total = world.ledger.totals
    world.kill()
    assert (bad[0], total[0]) == (0, world.total)
