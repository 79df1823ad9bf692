"""`KeptSamples`: of samples that are gone, the first and the last of each bucket, as if read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.matchers import Matcher
from collector.model.samples import STALE_BITS, Bools, Float64s, Int64s, is_missing
from collector.store.interface import Slice, TierQuerier

_READ = ("first", "first_ms", "last", "last_ms", "ended")


@dataclass(frozen=True, slots=True)
class KeptSamples:
    """A `SampleReader` of one tier: real samples at their real times, two of each bucket.

    A bucket that ends with a stale marker has it at the bucket's end. So the newest sample at the
    end of a bucket is the right one; what lies within buckets is not known.
    """

    tiers: TierQuerier
    resolution_ms: int

    def match(self, matchers: Sequence[Matcher]) -> Int64s:
        """See `Querier.match`."""
        return self.tiers.match(matchers)

    def select(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Slice]:
        """See `Querier.select`."""
        size = self.resolution_ms
        lo_ms, hi_ms = after_ms // size * size, -(-until_ms // size) * size
        found = self.tiers.buckets(matchers, lo_ms, hi_ms, size, _READ)
        named = found.values
        ages = np.stack([named["first_ms"], named["last_ms"], np.zeros_like(named["ended"])], -1)
        there = ~is_missing(np.stack([named["first"], named["last"], named["ended"]], -1))
        times = found.ends_ms[:, np.newaxis] - np.where(there, ages, 0).astype(np.int64)
        there[..., 1] &= times[..., 1] > times[..., 0]
        there &= (times > after_ms) & (times <= until_ms)
        values = np.stack([named["first"], named["last"], named["ended"]], -1)
        values.view(np.int64)[..., 2] = STALE_BITS
        rows = len(found.refs)
        shape = rows, len(found.ends_ms) * 3
        return self._slices(
            found.refs, times.reshape(shape), there.reshape(shape), values.reshape(shape)
        )

    def _slices(
        self,
        refs: Int64s,
        times: Int64s,
        there: Bools,
        values: Float64s,
    ) -> list[Slice]:
        """Series with samples at the same times together."""
        alike: dict[bytes, list[int]] = defaultdict(list)
        for row, marked in enumerate(np.where(there, times, -1)):
            alike[marked.tobytes()].append(row)
        found = []
        for rows in alike.values():
            kept = there[rows[0]]
            if kept.any():
                some = refs[rows]
                cells = np.ascontiguousarray(values[rows][:, kept])
                found.append(Slice(self.tiers.labels_of(some), some, times[rows[0], kept], cells))
        return found
