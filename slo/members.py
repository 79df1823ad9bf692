"""Which series of the store feed which objective, kept up to date as series are born.

Every indicator is a sum of counters, so one increment per series is enough: `Members.sums` turns
the increments of all series into bad and total events of all objectives with one gather and one
segmented sum. Series are matched once, when they are new: a selector is found by its metric's name
and its rarest equality, so ten thousand selectors of one metric cost a series a few look-ups; a few
selectors are asked of the store's index.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from collector.model.labels import METRIC_NAME, Labels
from collector.model.matchers import Matcher
from collector.model.samples import Bools, Float64s, Int64s
from collector.store.interface import Querier
from slo.indicators.buckets import BucketShares, Limit
from slo.indicators.counters import metric_names
from slo.objective import CounterTerm, Indicator

Selector = tuple[Matcher, ...]
_Use = tuple[int, float]
"""Slot and coefficient. The slots of n objectives are n for bad, then n for total events."""


FEW_SELECTORS = 16
"""So many are asked of the store's index; past it each series of their metric is looked at."""


@dataclass(frozen=True, slots=True)
class Members:
    """Members of all slots, sorted by slot: parallel arrays of position, slot, coefficient.

    `positions` index the increments of the resolver's series; `slots` are 0 to 2 x `columns`.
    """

    columns: int
    positions: Int64s
    slots: Int64s
    coefficients: Float64s
    _starts: Int64s = field(init=False)
    _present: Int64s = field(init=False)

    def __post_init__(self) -> None:
        starts = np.flatnonzero(np.diff(self.slots, prepend=-1))
        object.__setattr__(self, "_starts", starts)
        object.__setattr__(self, "_present", self.slots[starts])

    def sums(self, increments: Float64s) -> tuple[Float64s, Float64s]:
        """Bad and total events (float64[columns] each) of one increment per series."""
        return self._reduced(increments[self.positions] * self.coefficients)

    def any_total(self, flags: Bools) -> Bools:
        """Which objectives have the flag set on a series of their total events (bool[columns])."""
        _, total = self._reduced(flags[self.positions].astype(np.float64))
        return total > 0

    def any_bad(self) -> Bools:
        """Which objectives have a series for their bad events (bool[columns])."""
        found = np.zeros(2 * self.columns, np.bool_)
        found[self._present] = True
        return found[: self.columns]

    def first_total(self, times_ms: Int64s) -> Int64s:
        """The earliest of a time per series among each objective's total events, -1 without any."""
        return self._first(times_ms)[self.columns :]

    def first(self, times_ms: Int64s) -> Int64s:
        """The earliest of a time per series among all that an objective counts, -1 without any."""
        found = self._first(times_ms).reshape(2, self.columns)
        one, other = found.min(axis=0), found.max(axis=0)
        return np.asarray(np.where(one < 0, other, one))

    def last(self, times_ms: Int64s) -> Int64s:
        """The latest of a time per series among all that an objective counts, -1 without any."""
        return np.asarray(self._last(times_ms).reshape(2, self.columns).max(axis=0))

    def last_total(self, times_ms: Int64s) -> Int64s:
        """The latest of a time per series among each objective's total events, -1 without any."""
        return self._last(times_ms)[self.columns :]

    def of(self, columns: Bools) -> Members:
        """The members of some columns (bool[columns]); the others are left without any."""
        kept = np.concatenate([columns, columns])[self.slots]
        return Members(
            self.columns, self.positions[kept], self.slots[kept], self.coefficients[kept]
        )

    def only(self, column: int) -> Members:
        """The members of one column, as if there were no other."""
        kept = self.slots % self.columns == column
        slots = self.slots[kept] // self.columns
        return Members(1, self.positions[kept], slots, self.coefficients[kept])

    def used(self) -> Int64s:
        """Positions of the series that feed anything, ascending."""
        return np.unique(self.positions)

    def _first(self, times_ms: Int64s) -> Int64s:
        never = np.iinfo(np.int64).max
        first = np.full(2 * self.columns, never)
        if len(self._starts):
            known = np.where(times_ms < 0, never, times_ms)[self.positions]
            first[self._present] = np.minimum.reduceat(known, self._starts)
        return np.where(first == never, -1, first)

    def _last(self, times_ms: Int64s) -> Int64s:
        last = np.full(2 * self.columns, -1, np.int64)
        if len(self._starts):
            last[self._present] = np.maximum.reduceat(times_ms[self.positions], self._starts)
        return last

    def _reduced(self, weights: Float64s) -> tuple[Float64s, Float64s]:
        sums = np.zeros(2 * self.columns)
        if len(self._starts):
            sums[self._present] = np.add.reduceat(weights, self._starts)
        return sums[: self.columns], sums[self.columns :]


def no_members(columns: int) -> Members:
    """Members of objectives that no series feeds yet."""
    empty = np.zeros(0, np.int64)
    return Members(columns, empty, empty, np.zeros(0))


class Resolver:
    """Finds the members of indicators, looking at each series of the store once.

    `refs` and `labels` are the series that feed anything, in the order in which they were found:
    a position in them never changes.
    """

    def __init__(self, indicators: Sequence[Indicator]) -> None:
        self.refs: Int64s = np.zeros(0, np.int64)
        self.labels: list[Labels] = []
        self.members = no_members(len(indicators))
        self.uses = _uses(indicators)
        self._buckets = BucketShares(_limits(indicators))
        self._bucket_places: dict[int, int] = {}
        self._families = {name: _Family(of) for name, of in _by_metric(self.uses).items()}
        self._version = -1

    def update(self, querier: Querier) -> None:
        """Take in the series that were born since the last call."""
        version = querier.series_version()
        if version == self._version:
            return
        for name, family in self._families.items():
            found = [querier.match(selection) for selection in family.selections(name)]
            refs = found[0] if len(found) == 1 else np.unique(np.concatenate(found))
            self._take_in(family, family.unseen(refs), querier)
            family.forget_tried()
        self._version = version

    def _take_in(self, family: _Family, new: Int64s, querier: Querier) -> None:
        if not len(new):
            return
        found = [
            (ref, labels, selectors)
            for ref, labels in zip(new.tolist(), querier.labels_of(new), strict=True)
            if (selectors := family.selectors_of(labels))
        ]
        if not found:
            return
        refs: list[int] = []
        added: list[tuple[int, int, float]] = []
        for ref, labels, selectors in found:
            is_bucket = self._buckets.see(ref, labels, selectors)
            uses = [use for selector in selectors for use in self.uses[selector]]
            if uses:
                place = self._place(ref, labels, refs, is_bucket)
                added += [(place, slot, coefficient) for slot, coefficient in uses]
        added += [
            (self._place(ref, labels, refs, is_bucket=True), slot, coefficient)
            for ref, labels, slot, coefficient in self._buckets.changes()
        ]
        self.refs = np.concatenate([self.refs, np.array(refs, np.int64)])
        if added:
            self._add(added)

    def _place(self, ref: int, labels: Labels, refs: list[int], is_bucket: bool) -> int:
        """The position of a series; a bucket may be asked for again."""
        if is_bucket and ref in self._bucket_places:
            return self._bucket_places[ref]
        refs.append(ref)
        self.labels.append(labels)
        if is_bucket:
            self._bucket_places[ref] = len(self.labels) - 1
        return len(self.labels) - 1

    def _add(self, added: Sequence[tuple[int, int, float]]) -> None:
        old = self.members
        positions, places, coefficients = zip(*added, strict=True)
        slots = np.concatenate([old.slots, np.array(places, np.int64)])
        order = np.argsort(slots, kind="stable")
        self.members = Members(
            old.columns,
            np.concatenate([old.positions, np.array(positions, np.int64)])[order],
            slots[order],
            np.concatenate([old.coefficients, np.array(coefficients, np.float64)])[order],
        )


_Candidate = tuple[Selector, Selector]
"""A selector, and which of its matchers are left to ask of a series that was found for it."""


class _Family:
    """The selectors of one metric name, found by one label of the series."""

    def __init__(self, selectors: Sequence[Selector]) -> None:
        self._selectors = selectors
        self._last_seen = -1
        self._tried: dict[tuple[str, str], dict[str, bool]] = {}
        self._plain: list[_Candidate] = []
        self._keyed: dict[str, dict[str, list[_Candidate]]] = {}
        frequency = Counter(pair for selector in selectors for pair in _equalities(selector))
        for selector in selectors:
            pairs = _equalities(selector)
            if pairs:
                label, value = min(pairs, key=lambda pair: frequency[pair])
                left = tuple(
                    m for m in selector if (m.kind, m.name, m.value) != ("=", label, value)
                )
                by_value = self._keyed.setdefault(label, {})
                by_value.setdefault(value, []).append((selector, _unnamed(left)))
            else:
                self._plain.append((selector, _unnamed(selector)))

    def selections(self, name: str) -> list[Selector]:
        """What to ask the store for: each selector where there are few, else the whole metric."""
        named = Matcher("=", METRIC_NAME, name)
        if len(self._selectors) > FEW_SELECTORS:
            return [(named,)]
        return [(named, *(one for one in of if one != named)) for of in self._selectors]

    def unseen(self, refs: Int64s) -> Int64s:
        """Those of the ascending refs that were not here before: refs grow with birth."""
        new = refs[refs > self._last_seen]
        if len(new):
            self._last_seen = int(new[-1])
        return new

    def selectors_of(self, labels: Labels) -> list[Selector]:
        """The selectors that a series satisfies."""
        values = dict(labels.pairs)
        candidates = list(self._plain)
        for label, by_value in self._keyed.items():
            candidates += by_value.get(values.get(label, ""), ())
        return [found for found, left in candidates if all(self._fits(m, values) for m in left)]

    def forget_tried(self) -> None:
        """Let go of what was remembered while a lot of series was looked at."""
        self._tried = {}

    def _fits(self, matcher: Matcher, values: Mapping[str, str]) -> bool:
        """Objectives share patterns and series share values: each pair is tried once."""
        text = values.get(matcher.name, "")
        tried = self._tried.setdefault((matcher.kind, matcher.value), {})
        known = tried.get(text)
        if known is None:
            known = tried[text] = matcher.matches(text)
        return known


def _unnamed(selector: Selector) -> Selector:
    """The matchers that the family's metric name does not satisfy already."""
    return tuple(one for one in selector if one.name != METRIC_NAME)


def _equalities(selector: Selector) -> list[tuple[str, str]]:
    return [
        (one.name, one.value)
        for one in selector
        if one.kind == "=" and one.value and one.name != METRIC_NAME
    ]


def _uses(indicators: Sequence[Indicator]) -> dict[Selector, list[_Use]]:
    uses: dict[Selector, list[_Use]] = {}
    for slot, term in _by_slot(indicators):
        mine = uses.setdefault(term.matchers, [])
        if term.under is None:
            mine.append((slot, term.coefficient))
    return uses


def _limits(indicators: Sequence[Indicator]) -> dict[Selector, list[Limit]]:
    limits: dict[Selector, list[Limit]] = {}
    for slot, term in _by_slot(indicators):
        if term.under is not None:
            limits.setdefault(term.matchers, []).append((slot, term.coefficient, term.under))
    return limits


def _by_slot(indicators: Sequence[Indicator]) -> Iterator[tuple[int, CounterTerm]]:
    for column, indicator in enumerate(indicators):
        sides = ((column, indicator.bad), (column + len(indicators), indicator.total))
        for slot, terms in sides:
            for term in terms:
                yield slot, term


def _by_metric(selectors: Iterable[Selector]) -> dict[str, list[Selector]]:
    families: dict[str, list[Selector]] = {}
    for selector in selectors:
        for name in sorted(metric_names(selector) or ()):
            families.setdefault(name, []).append(selector)
    return families
