"""Late samples, per series, until they are cut into a block: they come out of order and are few."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from collector.model.samples import Float64s, Int64s


@dataclass(slots=True)
class _Late:
    times: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LatePart:
    """A `Part` of one series' late samples."""

    refs: Int64s
    times: Int64s
    values: Float64s

    @property
    def is_dense(self) -> bool:
        """No cell is missing."""
        return True

    def after(self, cut_ms: int) -> LatePart:
        """The samples from `cut_ms` on."""
        keep = self.times >= cut_ms
        return LatePart(self.refs, self.times[keep], self.values[keep])

    def fill(self, rows: Int64s, lo: int, hi: int, out: Float64s) -> None:
        """See `Part.fill`."""
        if len(rows):
            out[0] = self.values[lo:hi]


class Overlay:
    """Samples older than their stripe's newest row, by ref, sorted by time."""

    def __init__(self) -> None:
        self._late: dict[int, _Late] = {}

    def __bool__(self) -> bool:
        return bool(self._late)

    def __len__(self) -> int:
        return sum(len(late.times) for late in self._late.values())

    def value_at(self, ref: int, timestamp_ms: int) -> float | None:
        """The late value at exactly this time."""
        late = self._late.get(ref)
        if late is None:
            return None
        at = bisect_left(late.times, timestamp_ms)
        found = at < len(late.times) and late.times[at] == timestamp_ms
        return late.values[at] if found else None

    def add(self, ref: int, timestamp_ms: int, value: float) -> None:
        """Keep one late sample; the series has none at this time."""
        late = self._late.setdefault(ref, _Late())
        at = bisect_left(late.times, timestamp_ms)
        late.times.insert(at, timestamp_ms)
        late.values.insert(at, value)

    def parts(self, refs: Int64s) -> Iterator[LatePart]:
        """A copy of the late samples of those of `refs` that have some."""
        if not self._late:
            return
        for ref in sorted(self._late.keys() & set(refs.tolist())):
            yield self._part(ref)

    def all_parts(self) -> list[LatePart]:
        """A copy of all late samples."""
        return [self._part(ref) for ref in sorted(self._late)]

    def refs(self) -> list[int]:
        """The series that have late samples."""
        return list(self._late)

    def remove(self, ref: int, times: Int64s) -> None:
        """Drop the late samples of a series at these times."""
        late = self._late.get(ref)
        if late is None:
            return
        gone = set(times.tolist())
        kept = [(t, v) for t, v in zip(late.times, late.values, strict=True) if t not in gone]
        late.times, late.values = [t for t, _ in kept], [v for _, v in kept]
        if not kept:
            del self._late[ref]

    def forget(self, before_ms: int) -> None:
        """Drop what is older."""
        for ref, late in list(self._late.items()):
            at = bisect_left(late.times, before_ms)
            del late.times[:at], late.values[:at]
            if not late.times:
                del self._late[ref]

    def _part(self, ref: int) -> LatePart:
        late = self._late[ref]
        times = np.array(late.times, np.int64)
        return LatePart(np.array([ref], np.int64), times, np.array(late.values))
