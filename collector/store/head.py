"""The series in memory: which stripe a sample goes to, what is refused, what is read back.

Knows neither files nor locks: `tsdb` writes the log first and lets one writer in at a time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import Float64s, Int64s, is_missing
from collector.store.counters import RunningTotals
from collector.store.interface import Slice
from collector.store.overlay import Overlay
from collector.store.postings import Postings
from collector.store.stripe import Stripe


class Head:
    """Every series, its stripe and column, its late samples and its running total."""

    def __init__(self, out_of_order_ms: int) -> None:
        self.labels: list[Labels] = []
        self.ref_of: dict[Labels, int] = {}
        self.stripes: list[Stripe] = []
        self.totals = RunningTotals()
        self.newest_ms: Int64s = np.zeros(0, dtype=np.int64)
        self._out_of_order_ms = out_of_order_ms
        self._stripe_of_source: dict[str, int] = {}
        self._stripe_of: Int64s = np.zeros(0, dtype=np.int64)
        self._column_of: Int64s = np.zeros(0, dtype=np.int64)
        self._postings = Postings()
        self._overlay = Overlay()

    def add_series(self, source: str, labels: Labels) -> int:
        """The ref of a new series, in the stripe of its source."""
        ref = len(self.labels)
        self._make_room(ref + 1)
        stripe = self._stripe(source)
        self._stripe_of[ref] = stripe
        self._column_of[ref] = self.stripes[stripe].add_column(ref)
        self.newest_ms[ref] = -1
        self.labels.append(labels)
        self.ref_of[labels] = ref
        self._postings.add(ref, labels)
        return ref

    def append_row(
        self, timestamp_ms: int, refs: Int64s, values: Float64s, start_ms: Int64s | None
    ) -> Counter[str]:
        """One timestamp for many series; counts what was refused."""
        refused: Counter[str] = Counter()
        stripes = self._stripe_of[refs]
        for number in np.unique(stripes):
            chosen = stripes == number
            starts = None if start_ms is None else start_ms[chosen]
            stripe = self.stripes[number]
            if timestamp_ms > stripe.last_ms:
                self._append(stripe, timestamp_ms, refs[chosen], values[chosen], starts)
            else:
                refused += self._append_late(timestamp_ms, refs[chosen], values[chosen])
        return refused

    def select(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Slice]:
        """Every sample of the matching series in (after_ms, until_ms], a slice a stripe."""
        refs = self._postings.match(matchers)
        stripes = self._stripe_of[refs]
        slices = (
            self._slice(self.stripes[number], refs[stripes == number], after_ms, until_ms)
            for number in np.unique(stripes)
        )
        return [found for found in slices if len(found.refs)]

    def match(self, matchers: Sequence[Matcher]) -> Int64s:
        """Refs of the matching series."""
        return self._postings.match(matchers)

    def forget(self, before_ms: int) -> None:
        """Drop samples that are older, chunk by chunk."""
        for stripe in self.stripes:
            stripe.forget(before_ms)
        self._overlay.forget(before_ms)

    def first_ms(self) -> int:
        """Time of the oldest sample in a stripe, -1 when there is none."""
        times = [int(s.chunks[0].times[0]) for s in self.stripes if s.chunks and s.chunks[0].rows]
        return min(times, default=-1)

    def _append(
        self, stripe: Stripe, at_ms: int, refs: Int64s, values: Float64s, starts: Int64s | None
    ) -> None:
        self.totals.add(at_ms, refs, values, stripe.first_ms, starts)
        stripe.append(at_ms, self._column_of[refs], values)
        self.newest_ms[refs] = at_ms

    def _append_late(self, at_ms: int, refs: Int64s, values: Float64s) -> Counter[str]:
        refused: Counter[str] = Counter()
        for ref, value in zip(refs.tolist(), values.tolist(), strict=True):
            reason = self._why_not(ref, at_ms, value)
            if reason is None:
                self._overlay.add(ref, at_ms, value)
                if at_ms > self.newest_ms[ref]:
                    self.newest_ms[ref] = at_ms
            elif reason:
                refused[reason] += 1
        return refused

    def _why_not(self, ref: int, at_ms: int, value: float) -> str | None:
        """Why a late sample is refused; "" when it is there already; None when it is taken."""
        present = self._value_at(ref, at_ms)
        if present is not None:
            same = np.float64(present).view(np.int64) == np.float64(value).view(np.int64)
            return "" if same else "duplicate"
        if at_ms < self.newest_ms[ref] - self._out_of_order_ms:
            return "too_old"
        return None

    def _value_at(self, ref: int, at_ms: int) -> float | None:
        column = self._column_of[ref : ref + 1]
        stripe = self.stripes[self._stripe_of[ref]]
        times, values = stripe.read(column, at_ms - 1, at_ms)
        if len(times) and not is_missing(values)[0, 0]:
            return float(values[0, 0])
        return self._overlay.value_at(ref, at_ms)

    def _slice(self, stripe: Stripe, refs: Int64s, after_ms: int, until_ms: int) -> Slice:
        times, values = stripe.read(self._column_of[refs], after_ms, until_ms)
        times, values = self._overlay.merge(refs, times, values, after_ms, until_ms)
        present = (~is_missing(values)).any(axis=1)
        if not present.all():
            refs, values = refs[present], values[present]
        labels = [self.labels[ref] for ref in refs.tolist()]
        return Slice(labels, refs, times, values)

    def _stripe(self, source: str) -> int:
        if source not in self._stripe_of_source:
            self._stripe_of_source[source] = len(self.stripes)
            self.stripes.append(Stripe(source))
        return self._stripe_of_source[source]

    def _make_room(self, count: int) -> None:
        self.totals.grow(count)
        missing = count - len(self._stripe_of)
        if missing > 0:
            zeros = np.zeros(max(missing, len(self._stripe_of)), dtype=np.int64)
            self._stripe_of = np.concatenate([self._stripe_of, zeros])
            self._column_of = np.concatenate([self._column_of, zeros])
            self.newest_ms = np.concatenate([self.newest_ms, zeros])
