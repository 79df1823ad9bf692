"""`Slots`: the moments of an interval at which scrapes begin, so that a few begin together.

A process that wakes up for one page finds the processor's caches cold, and spends twice the time on
it that it spends in company of seven (`bench/scrape.py`). Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

FEWEST = 16
"""Moments of each interval, however few targets there are."""
TOGETHER = 8
"""Targets that share a moment, about and at most: larger groups would wait for each other."""
PLACES = 1 << 64
"""A target's place is a hash of 64 bits."""


@dataclass(slots=True)
class Slots:
    """`count` is a power of two that only grows: twice as many divide those before, so that no
    target moves by more than one of the former ones."""

    count: int = FEWEST

    def make_room(self, targets: int) -> None:
        """Have so many that `targets` fall into groups of TOGETHER at most, on average."""
        while self.count * TOGETHER < targets:
            self.count *= 2

    def offset_ms(self, place: int, interval_ms: int) -> int:
        """When within its interval a target is scraped."""
        return (place * self.count // PLACES) * interval_ms // self.count
