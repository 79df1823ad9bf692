"""A clock that ran ahead and is set right: what comes is stored, at once, and nothing is lost."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import Int64s
from collector.store.options import DAY_MS, HOUR_MS, StoreOptions, TierOptions
from collector.store.set_back import MAX_AHEAD_MS
from collector.store.tsdb import Tsdb
from tests.oracles.set_clock import SetClock

NOON_MS = 1_700_049_600_000 // (12 * HOUR_MS) * 12 * HOUR_MS
MINUTE_MS = 60_000
EVERY_MS = 5 * MINUTE_MS
ALL = [Matcher("=~", "__name__", ".+")]
TIERS = (TierOptions("1h", HOUR_MS, 30 * DAY_MS),)


class Machine:
    """A store whose rows bear the time that the machine's clock says.

    `real_ms` is what time it is. `expected` has the value that each time must have: where rows of
    a wrong clock and of the right one stand at one time, that of the last.
    """

    def __init__(self, directory: Path) -> None:
        self.clock = SetClock(NOON_MS)
        self.real_ms = NOON_MS
        self.counted = 1000.0
        self.expected: dict[int, float] = {}
        self.refused: list[int] = []
        self._directory = directory
        self._copies = 0
        self.store = self._opened()

    def _opened(self) -> Tsdb:
        options = StoreOptions(tiers=TIERS, tier_span_ms=12 * HOUR_MS, fsync="never")
        store = Tsdb.open(self._directory, self.clock, options)
        self.refs = self._refs(store)
        return store

    def _refs(self, store: Tsdb) -> Int64s:
        return store.refs("s", [Labels.of("x_total", i=str(i)) for i in range(3)])

    def runs(self, for_ms: int, every_ms: int = EVERY_MS) -> None:
        """Scrapes and maintains, as a process does."""
        for _ in range(for_ms // every_ms):
            self.clock.passes(every_ms)
            self.real_ms += every_ms
            self.row()
            self.store.maintain()
        self.store.compact()

    def row(self) -> None:
        self.counted += 7.0
        at_ms = self.clock.now_ms()
        refused = self.store.append_row("s", at_ms, self.refs, np.full(3, self.counted))
        if refused:
            self.refused.append(at_ms)
        else:
            self.expected[at_ms] = self.counted

    def set_ahead(self, ms: int) -> None:
        self.clock.wall_ms = self.real_ms + ms

    def restarts(self) -> None:
        self.store.close()
        self.store = self._opened()

    def is_killed(self) -> None:
        """The log alone is what is left of what memory held."""
        self._copies += 1
        copy = self._directory.with_name(f"copy{self._copies}")
        shutil.copytree(self._directory, copy)
        self.store.close()
        self._directory = copy
        self.store = self._opened()

    def held(self, number: int = 0) -> dict[int, float]:
        """Time -> value of one of the series."""
        found: dict[int, float] = {}
        for one in self.store.select([Matcher("=", "i", str(number))], -1, 2**62):
            times, values = one.timestamps_ms.tolist(), one.values[0].tolist()
            assert not found.keys() & set(times), "each time is there once"
            found.update(
                (time, value) for time, value in zip(times, values, strict=True) if value == value
            )
        return found

    def total(self) -> float:
        return float(self.store.counter_totals(self.refs).total[0])


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path / "store")
    yield made
    made.store.close()


@pytest.mark.parametrize(
    ("ahead_hours", "for_hours"),
    [(3, 0.5), (3, 2), (7, 5), (30, 20)],
    ids=["never believed", "believed", "and cut", "by more than a day"],
)
def test_what_comes_after_it_was_set_right_is_stored_at_once(
    machine: Machine, ahead_hours: int, for_hours: float
) -> None:
    machine.runs(4 * HOUR_MS)
    machine.set_ahead(ahead_hours * HOUR_MS)
    machine.runs(int(for_hours * HOUR_MS))
    machine.set_ahead(0)
    machine.runs(EVERY_MS)
    assert not machine.refused
    assert machine.held()[machine.real_ms] == machine.counted
    assert machine.held() == machine.expected
    machine.runs((ahead_hours + 4) * HOUR_MS)  # over all that was dated ahead
    assert not machine.refused
    assert machine.held() == machine.held(2) == machine.expected


@pytest.mark.parametrize("again", [Machine.restarts, Machine.is_killed])
def test_it_survives_restarts_at_any_moment(machine: Machine, again: object) -> None:
    assert callable(again)
    machine.runs(3 * HOUR_MS)
    machine.set_ahead(7 * HOUR_MS)
    machine.runs(4 * HOUR_MS)
    again(machine)
    machine.set_ahead(0)
    again(machine)
    for _ in range(10):
        machine.runs(HOUR_MS)
        again(machine)
        assert machine.held() == machine.held(2) == machine.expected
    assert not machine.refused


def test_a_machine_that_starts_with_a_clock_ahead_is_set_right(machine: Machine) -> None:
    """As many do: their own clock is local time until the network has told them better."""
    machine.runs(2 * HOUR_MS)
    machine.store.close()
    machine.real_ms += 5 * MINUTE_MS
    machine.set_ahead(2 * HOUR_MS)
    machine.restarts()
    machine.runs(2 * MINUTE_MS, MINUTE_MS)
    machine.set_ahead(0)
    machine.runs(5 * HOUR_MS)
    assert not machine.refused
    assert machine.held() == machine.expected


def test_counters_count_on_and_are_fresh(machine: Machine) -> None:
    machine.runs(HOUR_MS)
    begun, total = machine.counted, machine.total()
    machine.set_ahead(3 * HOUR_MS)
    machine.runs(HOUR_MS)
    machine.set_ahead(0)
    for _ in range(60):
        machine.runs(EVERY_MS)
        assert machine.total() - total == machine.counted - begun
        assert machine.store.last_sample_ms(machine.refs).tolist() == [machine.real_ms] * 3
        assert machine.store.counter_totals(machine.refs).last_ms[0] == machine.real_ms


def test_a_clock_set_back_among_samples_is_not_followed(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be the wrong one: two pasts would be mixed."""
    machine.runs(6 * HOUR_MS)
    before = machine.held()
    machine.clock.wall_ms -= 3 * HOUR_MS
    machine.runs(HOUR_MS)
    assert len(machine.refused) == HOUR_MS // EVERY_MS
    assert machine.held() == before
    assert caplog.text.count("there are samples of the time after it") == 1
    machine.clock.wall_ms += 3 * HOUR_MS
    machine.runs(HOUR_MS)
    assert machine.held() == machine.expected


@pytest.mark.parametrize("restarts", [False, True])
def test_who_knows_that_it_is_right_deletes_what_is_later(
    machine: Machine, *, restarts: bool
) -> None:
    machine.runs(HOUR_MS)
    machine.set_ahead(3 * HOUR_MS)
    machine.runs(6 * HOUR_MS)
    machine.set_ahead(0)
    machine.runs(EVERY_MS)
    assert machine.refused == [machine.real_ms]
    machine.store.delete(ALL, machine.real_ms, 2**62)
    machine.expected = {at: v for at, v in machine.expected.items() if at < machine.real_ms}
    machine.refused.clear()
    if restarts:
        machine.restarts()
    machine.runs(9 * HOUR_MS)
    assert not machine.refused
    assert machine.held() == machine.expected


def test_what_was_dated_ahead_can_be_deleted_before_its_time_comes(machine: Machine) -> None:
    machine.runs(HOUR_MS)
    machine.set_ahead(7 * HOUR_MS + 11)
    machine.runs(4 * HOUR_MS)
    machine.set_ahead(0)
    machine.runs(HOUR_MS)
    right = {at: v for at, v in machine.expected.items() if at <= machine.real_ms}
    assert right != machine.expected
    machine.store.delete(ALL, machine.real_ms + MAX_AHEAD_MS, 2**62)
    assert machine.held() == right
    machine.expected = right
    machine.runs(12 * HOUR_MS)
    assert machine.held() == machine.expected


def test_a_sender_with_a_clock_of_its_own_keeps_nothing_back(machine: Machine) -> None:
    """Its samples were dated right all the time, a few seconds ahead of what is right here."""
    own = machine.store.refs("own", [Labels.of("own")])
    sent = []

    def runs(for_ms: int) -> None:
        for _ in range(for_ms // EVERY_MS):
            machine.runs(EVERY_MS)
            sent.append(machine.real_ms + 5000)
            assert not machine.store.append_row("own", sent[-1], own, np.ones(1))

    runs(2 * HOUR_MS)
    machine.set_ahead(3 * HOUR_MS)
    runs(30 * MINUTE_MS)
    machine.set_ahead(0)
    runs(5 * HOUR_MS)
    assert not machine.refused
    assert machine.held() == machine.expected
    [found] = machine.store.select([Matcher("=", "__name__", "own")], -1, 2**62)
    assert found.timestamps_ms.tolist() == sent


def test_exemplars_are_taken_again(machine: Machine) -> None:
    def exemplar() -> Exemplar:
        at_ms = machine.clock.now_ms()
        return Exemplar(Labels.of("x_total", i="0"), Labels({"trace_id": str(at_ms)}), 1.0, at_ms)

    machine.runs(HOUR_MS)
    kept = []
    for ahead_ms in (0, 3 * HOUR_MS, 0, 0):
        machine.set_ahead(ahead_ms)
        machine.runs(EVERY_MS)
        kept.append(exemplar())
        assert not machine.store.append_exemplars("s", [kept[-1]])
    assert machine.store.exemplars(ALL, -1, 2**62) == kept


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_clock_does_nothing_that_was_taken_is_lost(
    machine: Machine, seed: int
) -> None:
    """Rows of the right clock, in the order of time, are refused by no story that leaves gaps."""
    chance = random.Random(seed)
    machine.runs(2 * HOUR_MS)
    for _ in range(8):
        act = chance.choice(["ahead", "right", "right", "restart", "kill", "pause"])
        if act == "ahead":
            machine.set_ahead(chance.choice([20, 90, 200, 600, 3000]) * MINUTE_MS + 11)
        elif act == "right":
            machine.set_ahead(0)
        elif act == "restart":
            machine.restarts()
        elif act == "kill":
            machine.is_killed()
        else:
            pause_ms = chance.randrange(1, 90) * MINUTE_MS
            machine.clock.passes(pause_ms)
            machine.real_ms += pause_ms
        machine.runs(chance.choice([1, 3, 15, 40]) * EVERY_MS)
        # what was refused stays out, all else is there; of two at one time the last one
        assert machine.held() == machine.held(2) == machine.expected, act
