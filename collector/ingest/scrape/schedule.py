"""When a target is scraped, and what time its samples bear, also when the machine's clock is set.

Times are planned on a grid of the wall clock and waited for by the monotonic one: a clock that goes
back an hour does not stop scrapes for an hour, one that goes ahead does not count them as missed.
Pure: both clocks' readings are passed in.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector.ingest.scrape.slots import Slots
from collector.ingest.scrape.target import Target

JUMP_MS = 2_000
"""What the clocks may differ by between plan and scrape; more is a clock that was set."""


@dataclass(frozen=True, slots=True)
class Begin:
    """The start of a scrape: the samples' time, and by how much the wall clock was set before."""

    timestamp_ms: int
    jumped_ms: int


class Schedule:
    """The plan of one target."""

    def __init__(self, target: Target, slots: Slots, now_ms: int, monotonic_seconds: float) -> None:
        self._target = target
        self._slots = slots
        self._due_ms = target.first_scrape_ms(now_ms)
        self._due_seconds = monotonic_seconds + (self._due_ms - now_ms) / 1000

    def wait_seconds(self, monotonic_seconds: float) -> float:
        """How long until the next scrape."""
        return max(0.0, self._due_seconds - monotonic_seconds)

    def begin(self, now_ms: int, monotonic_seconds: float) -> Begin:
        """A scrape begins: a jump moves the plan to where the wall clock is now."""
        late_ms = (monotonic_seconds - self._due_seconds) * 1000
        jumped_ms = round(now_ms - self._due_ms - late_ms)
        if abs(jumped_ms) <= JUMP_MS:
            return Begin(self._target.sample_time_ms(self._due_ms, now_ms), 0)
        self._due_ms = now_ms - round(late_ms)
        return Begin(now_ms, jumped_ms)

    def plan_next(self, now_ms: int, monotonic_seconds: float) -> int:
        """Plan the next scrape; answers how many were left out because this one took too long."""
        late_ms = (monotonic_seconds - self._due_seconds) * 1000
        by_plan_ms = self._due_ms + round(late_ms)
        # set while the scrape ran: the plan goes on from what the wall clock says now
        from_ms = now_ms if abs(now_ms - by_plan_ms) > JUMP_MS else max(self._due_ms, now_ms)
        following_ms = self._target.next_scrape_ms(from_ms, self._slots)
        following_seconds = monotonic_seconds + (following_ms - now_ms) / 1000
        passed_ms = (following_seconds - self._due_seconds) * 1000
        self._due_ms, self._due_seconds = following_ms, following_seconds
        return max(0, round(passed_ms / self._target.interval_ms) - 1)
