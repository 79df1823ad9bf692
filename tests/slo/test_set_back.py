"""The ledger and a clock that ran ahead and is set right: no event is lost, windows are true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collector.model.labels import Labels
from collector.store.tsdb import Tsdb
from slo.ledger import Ledger
from tests.oracles.set_clock import SetClock

NOW = 1_700_000_000_000 // 60_000 * 60_000
TICK = 15_000
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


class World:
    """A process that counts; when each event came is known by the right time."""

    def __init__(self, directory: Path, objectives: list) -> None:
        self.directory, self.objectives = directory, objectives
        self.clock = SetClock(NOW)
        self.real_ms = NOW
        self.counters = {"200": 0, "500": 0}
        self.came: list[tuple[int, int, int]] = []
        self.open()

    def open(self) -> None:
        self.store = Tsdb.open(self.directory / "store", self.clock)
        self.ledger = Ledger(self.objectives, self.store, self.directory / "ledger", TICK)

    def restart(self) -> None:
        self.ledger.save()
        self.store.close()
        self.open()

    def runs(self, for_ms: int, good: int = 20, bad: int = 0) -> None:
        for _ in range(for_ms // TICK):
            self.clock.passes(TICK)
            self.real_ms += TICK
            self.counters["200"] += good
            self.counters["500"] += bad
            self.came.append((self.real_ms, bad, good + bad))
            labels = [Labels.of("requests_total", code=code) for code in self.counters]
            values = np.array(list(self.counters.values()), np.float64)
            refs = self.store.refs("shop", labels)
            self.store.append_row("shop", self.clock.now_ms(), refs, values)
            self.ledger.tick(self.clock.now_ms())
            self.ledger.save_if_due(self.clock.now_ms())

    def came_within(self, window_ms: int) -> tuple[float, float]:
        """Bad and all events of the last part of the right time."""
        last = [one for one in self.came if one[0] > self.real_ms - window_ms]
        return float(sum(bad for _, bad, _ in last)), float(sum(all_ for _, _, all_ in last))

    def counted_within(self, window_ms: int, column: int = 0) -> tuple[float, float]:
        counts = self.ledger.window_counts(window_ms, self.clock.now_ms())
        return float(counts.bad[column]), float(counts.total[column])


@pytest.fixture
def world(tmp_path: Path, objective):
    made = World(tmp_path, [objective()])
    yield made
    made.store.close()


@pytest.mark.parametrize("restarts", [False, True])
def test_windows_are_true_again_once_they_begin_after_it_was_set_right(
    world: World, *, restarts: bool
) -> None:
    world.runs(10 * MINUTE_MS)
    world.clock.wall_ms += 3 * HOUR_MS
    world.runs(20 * MINUTE_MS, bad=5)
    world.clock.wall_ms = world.real_ms
    world.runs(MINUTE_MS)
    if restarts:
        world.restart()
    world.runs(4 * MINUTE_MS)
    assert world.counted_within(4 * MINUTE_MS) == world.came_within(4 * MINUTE_MS)
    world.runs(5 * MINUTE_MS, bad=1)
    assert world.counted_within(5 * MINUTE_MS) == world.came_within(5 * MINUTE_MS)
    assert world.counted_within(HOUR_MS * 24) == tuple(
        one - first
        for one, first in zip(world.came_within(HOUR_MS * 24), world.came[0][1:], strict=True)
    ), "all but the first sample, which is the baseline"
    assert world.ledger.has_data(world.clock.now_ms()).all()


def test_rows_stay_where_the_store_does_not_follow_the_clock(world: World) -> None:
    world.runs(40 * MINUTE_MS)
    before = world.ledger.row_times.tolist()
    world.clock.wall_ms -= 30 * MINUTE_MS
    world.runs(5 * MINUTE_MS)
    assert world.ledger.row_times.tolist() == before
    world.clock.wall_ms = world.real_ms
    world.runs(5 * MINUTE_MS)
    assert world.counted_within(4 * MINUTE_MS) == world.came_within(4 * MINUTE_MS)
