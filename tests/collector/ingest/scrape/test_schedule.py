from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collector.ingest.scrape.schedule import JUMP_MS, Schedule
from collector.ingest.scrape.slots import Slots
from collector.ingest.scrape.target import Target
from collector.model.labels import NO_LABELS, Labels

INTERVAL_MS = 15_000
START_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
TARGET = Target("j", "http://a/metrics", Labels({"job": "j"}), INTERVAL_MS, 10_000, NO_LABELS)
SLOTS = Slots()


class Machine:
    """A wall clock that can be set, and a monotonic one that can't."""

    def __init__(self) -> None:
        self.wall_ms = START_MS
        self.seconds = 5.0
        self.plan = Schedule(TARGET, SLOTS, self.wall_ms, self.seconds)

    def pass_ms(self, ms: float) -> None:
        self.wall_ms += round(ms)
        self.seconds += ms / 1000

    def scrape(self, takes_ms: float = 20, *, set_ms: int = 0) -> tuple[float, int, int, int]:
        """Wait, set the clock, scrape: (waited seconds, timestamp, jump, missed)."""
        waited = self.plan.wait_seconds(self.seconds)
        self.pass_ms(waited * 1000)
        self.wall_ms += set_ms
        begin = self.plan.begin(self.wall_ms, self.seconds)
        self.pass_ms(takes_ms)
        missed = self.plan.plan_next(self.wall_ms, self.seconds)
        return waited, begin.timestamp_ms, begin.jumped_ms, missed


def test_scrapes_stand_on_the_grid_an_interval_apart() -> None:
    machine = Machine()
    machine.scrape()
    times = [machine.scrape()[1] for _ in range(4)]
    assert {later - earlier for earlier, later in pairwise(times)} == {INTERVAL_MS}
    assert times[0] % INTERVAL_MS == SLOTS.offset_ms(TARGET.place, INTERVAL_MS)


@given(st.integers(-30 * HOUR_MS, 30 * HOUR_MS).filter(lambda ms: abs(ms) > JUMP_MS + 100))
def test_a_clock_that_is_set_neither_stops_scrapes_nor_counts_them_missed(set_ms: int) -> None:
    machine = Machine()
    for _ in range(3):
        machine.scrape()
    waited, timestamp_ms, jumped_ms, missed = machine.scrape(set_ms=set_ms)
    assert waited <= INTERVAL_MS / 1000
    assert abs(jumped_ms - set_ms) <= 1
    assert abs(timestamp_ms - machine.wall_ms) < 100
    assert missed == 0
    for _ in range(3):
        waited, timestamp_ms, jumped_ms, missed = machine.scrape()
        assert waited <= INTERVAL_MS / 1000
        assert (jumped_ms, missed) == (0, 0)
        assert timestamp_ms % INTERVAL_MS == SLOTS.offset_ms(TARGET.place, INTERVAL_MS)


def test_a_clock_set_while_a_scrape_runs_is_followed() -> None:
    machine = Machine()
    machine.scrape()
    machine.pass_ms(machine.plan.wait_seconds(machine.seconds) * 1000)
    machine.plan.begin(machine.wall_ms, machine.seconds)
    machine.wall_ms -= HOUR_MS
    machine.plan.plan_next(machine.wall_ms, machine.seconds)
    waited, timestamp_ms, _, _ = machine.scrape()
    assert waited <= INTERVAL_MS / 1000
    assert timestamp_ms < START_MS


def test_a_scrape_that_takes_long_leaves_others_out() -> None:
    machine = Machine()
    machine.scrape()
    assert machine.scrape(takes_ms=2.5 * INTERVAL_MS)[3] == 2
    assert machine.scrape()[3] == 0
