"""Events of excluded stretches of one objective, and how they are taken off what was counted.

Pure arithmetic over arrays: an event is at one time, and is excluded once however many stretches
cover it. `Excluded` answers for any window what to subtract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from collector.model.samples import Float64s, Int64s


@dataclass(frozen=True, slots=True)
class Events:
    """Bad and total events (float64[t]) at `times_ms` (int64[t], ascending), not cumulative.

    `is_exact`: each is at its sample's time, or at a time where every window's edge is told apart.
    """

    times_ms: Int64s
    bad: Float64s
    total: Float64s
    is_exact: bool = True

    def within(self, start_ms: int, end_ms: int) -> Events:
        """Those in `(start_ms, end_ms]`."""
        first, last = np.searchsorted(self.times_ms, [start_ms, end_ms], side="right")
        part = slice(int(first), int(last))
        return Events(self.times_ms[part], self.bad[part], self.total[part], self.is_exact)


NO_EVENTS = Events(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))


@dataclass(frozen=True, slots=True)
class Part:
    """The events of one stretch `(start_ms, end_ms]`."""

    start_ms: int
    end_ms: int
    events: Events


@dataclass(frozen=True, slots=True)
class Excluded:
    """All that is excluded of one objective.

    `stretches` are disjoint and ascending; `is_exact` False when events of one are approximate.
    """

    times_ms: Int64s
    stretches: tuple[tuple[int, int], ...]
    is_exact: bool
    _bad: Float64s = field(repr=False)
    _total: Float64s = field(repr=False)

    def before(self, times_ms: Int64s) -> tuple[Float64s, Float64s]:
        """Excluded bad and total events up to each time (float64[t])."""
        index = np.searchsorted(self.times_ms, times_ms, side="right")
        return self._bad[index], self._total[index]

    @property
    def sums(self) -> tuple[Float64s, Float64s]:
        """Excluded bad and total events (float64[t + 1]) before the first time, and up to each."""
        return self._bad, self._total

    def ratio(self, start_ms: int, end_ms: int) -> float:
        """Which share of a stretch of time is excluded."""
        lengths = (min(end, end_ms) - max(start, start_ms) for start, end in self.stretches)
        return sum(max(0, length) for length in lengths) / max(1, end_ms - start_ms)

    def covers(self, time_ms: int) -> bool:
        """Whether a time is in a stretch."""
        return any(start < time_ms <= end for start, end in self.stretches)


def excluded(parts: Sequence[Part]) -> Excluded:
    """The union of some stretches; where several cover a time, an exact one is asked first."""
    pieces = _disjoint(parts)
    stretches: list[tuple[int, int]] = []
    for start_ms, end_ms, _ in pieces:
        joins = stretches and stretches[-1][1] == start_ms
        stretches.append((stretches.pop()[0] if joins else start_ms, end_ms))
    found = [events for _, _, events in pieces] or [NO_EVENTS]
    return Excluded(
        times_ms=np.concatenate([one.times_ms for one in found]),
        stretches=tuple(stretches),
        is_exact=all(one.is_exact for one in found),
        _bad=_sums([one.bad for one in found]),
        _total=_sums([one.total for one in found]),
    )


def _disjoint(parts: Sequence[Part]) -> list[tuple[int, int, Events]]:
    """Ascending stretches that do not overlap, with the events of each."""
    by_start = sorted(parts, key=lambda part: part.start_ms)
    if all(former.end_ms <= later.start_ms for former, later in pairwise(by_start)):
        return [(one.start_ms, one.end_ms, one.events) for one in by_start]
    exact_first = sorted(by_start, key=lambda part: not part.events.is_exact)
    edges = sorted({edge for part in parts for edge in (part.start_ms, part.end_ms)})
    pieces = []
    for start_ms, end_ms in pairwise(edges):
        covering = (p for p in exact_first if p.start_ms <= start_ms and end_ms <= p.end_ms)
        part = next(covering, None)
        if part is not None:
            pieces.append((start_ms, end_ms, part.events.within(start_ms, end_ms)))
    return pieces


def _sums(parts: Sequence[Float64s]) -> Float64s:
    return np.concatenate([[0.0], np.cumsum(np.concatenate(parts))])
