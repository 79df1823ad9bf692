"""Key of an OTLP point -> refs of its series; and running totals of delta series.

A whole request is looked up, and its samples placed, in one numba call each.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from collector.ingest import series_gate
from collector.ingest.formats.scan.otlp_points import (
    COUNT,
    DELTA,
    FIRST,
    RESOURCE_NUMBER,
    START_NS,
    TIME_NS,
)
from collector.ingest.key_table import Keys, KeyTable
from collector.model.samples import STALE_BITS, Float64s, Int64s

MAX_KEYS = 4_000_000
"""Past this the keys are forgotten and learnt again: senders may change what is hashed for ever."""

NO_TIME, NOT_NEWER, NO_ROOM = 0, 1, 2
REASONS = ("no_timestamp", "delta_not_newer", *series_gate.REASONS)
"""Why a point's samples are refused; from NO_ROOM on as the gate has them."""

_NS_PER_MS = 1_000_000
_REASONS = len(REASONS)
_STALE = np.int64(STALE_BITS)


@njit(cache=True, nogil=True)
def _place(  # type: ignore[no-untyped-def]
    rows, slots, base, block, values, totals, newest_ns, since_ms, refs, times, starts, groups, out
):
    """Samples of all points that have a slot; answers (how many, refused by reason int64[r])."""
    refused = np.zeros(_REASONS, dtype=np.int64)
    bits, out_bits = values.view(np.int64), out.view(np.int64)
    used = 0
    for i in range(rows.shape[0]):
        if slots[i] < 0:
            continue
        row, begin = rows[i], base[slots[i]]
        count, first, time_ns = row[COUNT], row[FIRST], row[TIME_NS]
        start_ms = row[START_NS] // _NS_PER_MS
        if time_ns <= 0:
            refused[NO_TIME] += count
            continue
        if block[begin] < 0:
            refused[NO_ROOM - 1 - block[begin]] += count
            continue
        delta = row[DELTA] != 0 and bits[first] != _STALE
        if delta:
            lead = block[begin]
            if time_ns <= newest_ns[lead]:
                refused[NOT_NEWER] += count
                continue
            if newest_ns[lead] == 0:
                since_ms[lead] = start_ms
            newest_ns[lead] = time_ns
            start_ms = since_ms[lead]
        for k in range(count):
            ref = block[begin + k]
            refs[used] = ref
            times[used] = time_ns // _NS_PER_MS
            starts[used] = start_ms
            groups[used] = row[RESOURCE_NUMBER]
            if delta:
                totals[ref] += values[first + k]
                out[used] = totals[ref]
            else:
                out_bits[used] = bits[first + k]
            used += 1
    return used, refused


class Samples:
    """The samples of a request, in its order: columns of one length.

    `groups` is the number of the resource; `refused` counts samples by the codes of REASONS.
    """

    __slots__ = ("groups", "refs", "refused", "start_ms", "timestamps_ms", "values")

    def __init__(self, capacity: int) -> None:
        self.refs: Int64s = np.empty(capacity, dtype=np.int64)
        self.timestamps_ms: Int64s = np.empty(capacity, dtype=np.int64)
        self.start_ms: Int64s = np.empty(capacity, dtype=np.int64)
        self.groups: Int64s = np.empty(capacity, dtype=np.int64)
        self.values: Float64s = np.empty(capacity, dtype=np.float64)
        self.refused: Int64s = np.zeros(len(REASONS), dtype=np.int64)

    def joined(self, other: Samples) -> Samples:
        """All samples of both, those of one group together in the order of the groups."""
        both = Samples(len(self.refs) + len(other.refs))
        order = np.argsort(np.concatenate([self.groups, other.groups]), kind="stable")
        for name in ("refs", "timestamps_ms", "start_ms", "groups", "values"):
            found = np.concatenate([getattr(self, name), getattr(other, name)])
            setattr(both, name, found[order])
        both.refused = self.refused + other.refused
        return both

    def cut(self, used: int) -> None:
        """Keep the first `used` samples."""
        for name in ("refs", "timestamps_ms", "start_ms", "groups", "values"):
            setattr(self, name, getattr(self, name)[:used])


class PointCache:
    """What is known of points; not safe for two threads at once."""

    def __init__(self) -> None:
        self._forget()
        self._totals: Float64s = np.zeros(0)
        self._newest_ns: Int64s = np.zeros(0, dtype=np.int64)
        self._since_ms: Int64s = np.zeros(0, dtype=np.int64)

    def _forget(self) -> None:
        self._table = KeyTable()
        self._base: Int64s = np.zeros(0, dtype=np.int64)
        self._block: Int64s = np.zeros(0, dtype=np.int64)

    def make_room(self, keys: int) -> None:
        """Forget everything but the totals when so many more keys would be too many."""
        if len(self._base) + keys > MAX_KEYS:
            self._forget()

    def find(self, keys: Keys) -> Int64s:
        """Slot of each key (int64[p]), -1 where it is not known."""
        return self._table.find(keys)

    def learn(self, keys: Keys, counts: Int64s, refs: Int64s) -> Int64s:
        """Remember that key i has the next `counts[i]` refs; answers their slots (int64[p]).

        A key with a ref below 0 gets a slot and is not remembered, so that it is asked for again.
        """
        ends = np.cumsum(counts)
        begins = ends - counts
        slots = np.arange(len(keys), dtype=np.int64) + len(self._base)
        self._base = np.concatenate([self._base, begins + len(self._block)])
        self._block = np.concatenate([self._block, refs])
        homeless = np.add.reduceat(refs < 0, begins) > 0 if len(keys) else np.zeros(0, dtype=bool)
        if homeless.any():
            worst = np.minimum.reduceat(refs, begins)
            self._block[self._base[slots[homeless]]] = worst[homeless]
        self._table.learn(keys[~homeless], slots[~homeless])
        return slots

    def place(self, rows: Int64s, slots: Int64s, values: Float64s) -> Samples:
        """The samples of the points that have a slot; delta ones are turned into totals."""
        if rows[:, DELTA].any():
            self._make_room_for_totals()
        samples = Samples(len(values))
        used, samples.refused = _place(
            rows, slots, self._base, self._block, values, self._totals, self._newest_ns,
            self._since_ms, samples.refs, samples.timestamps_ms, samples.start_ms, samples.groups,
            samples.values,
        )  # fmt: skip
        samples.cut(used)
        return samples

    def unheard(self, slots: Int64s) -> Int64s:
        """Refs of the points at these slots, one array; only of those no delta came of yet."""
        self._make_room_for_totals()
        ends = np.append(self._base[1:], len(self._block))
        blocks = [self._block[self._base[slot] : ends[slot]] for slot in slots.tolist()]
        blocks = [one for one in blocks if len(one) and one[0] >= 0]
        return np.concatenate(
            [one for one in blocks if not self._newest_ns[one[0]]] or [self._block[:0]]
        )

    def recall(self, refs: Int64s, totals: Float64s) -> None:
        """Go on from these totals; NaN is none. When they began is not known."""
        had = ~np.isnan(totals)
        self._totals[refs[had]] = totals[had]
        self._newest_ns[refs[had]] = 1

    def _make_room_for_totals(self) -> None:
        highest = int(self._block.max(initial=-1)) + 1
        missing = highest - len(self._totals)
        if missing > 0:
            more = missing + highest // 4
            self._totals = np.concatenate([self._totals, np.zeros(more)])
            nothing = np.zeros(more, dtype=np.int64)
            self._newest_ns = np.concatenate([self._newest_ns, nothing])
            self._since_ms = np.concatenate([self._since_ms, nothing])
