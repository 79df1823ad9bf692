"""Events of the past by tick: what a ledger that had ticked then would have counted, and when.

The same rules as a running ledger's: a counter that falls has begun again at zero, a series' first
sample counts where the store says so, sampled indicators are asked at their times, slices count
when they are over. Every sample is taken to have been there at its own time. Series are read a day
at a time, each once, however many selectors they satisfy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.labels import Labels
from collector.model.matchers import Matcher, matches_all
from collector.model.samples import Bools, Float64s, Int64s, is_sample
from collector.query.interface import QueryEngine
from collector.store.interface import CounterTotals, Querier, Slice
from slo.backfill import REFERENCE_MS, increases
from slo.indicators.buckets import (
    HistogramKey,
    Selector,
    bound_of,
    histograms,
    key_of,
    shares,
)
from slo.objective import CounterTerm, Indicator, Objective
from slo.observers import Observers
from slo.sampled import FRESH_MS
from slo.timeslices import Slicer
from slo.window import DAY_MS

CHUNK_MS = DAY_MS
"""How much of the past is in memory at once."""
Totals = Callable[[Int64s], CounterTotals]
NEVER_MS = -1


@dataclass(frozen=True, slots=True)
class PastEvents:
    """One objective at each tick: `ticks_ms` int64[t]; the others run along it.

    `bad` and `total` float64[t]: events counted since the first tick, as they stood at each;
    `row_bad` and `row_total`: what the row of that tick holds for later ticks (a slice that is over
    counts from the last tick that it had); `has_data` bool[t]; `since_ms`: the first sample, -1
    without any.
    """

    ticks_ms: Int64s
    bad: Float64s
    total: Float64s
    row_bad: Float64s
    row_total: Float64s
    has_data: Bools
    since_ms: int


def past_events(
    objective: Objective,
    querier: Querier,
    ticks_ms: Int64s,
    *,
    totals: Totals | None = None,
    engine: QueryEngine | None = None,
) -> PastEvents:
    """Events of `(ticks_ms[0], ticks_ms[-1]]`.

    `totals` are the store's running totals, which know what a series counted when it was born;
    without them such a series began at zero when its job and instance had samples before.
    """
    if isinstance(objective.indicator, Indicator):
        reading = _Reading(objective.indicator, querier, ticks_ms)
        reading.read(totals)
        counted = reading.bad, reading.total
        seen_ms, fresh_ms, since_ms = reading.seen_ms, FRESH_MS, reading.since_ms
    else:
        counted, seen_ms = _sampled(objective, querier, engine, ticks_ms)
        fresh_ms, since_ms = max(FRESH_MS, 2 * objective.indicator.every_ms), _first(seen_ms)
    last_ms = np.maximum.accumulate(seen_ms)
    has_data = (last_ms >= 0) & (last_ms > ticks_ms - fresh_ms)
    bad, total = counted
    if objective.budgeting:
        bad, total = _slices(Slicer([objective]), ticks_ms, since_ms, bad, total)
    bad, total = np.cumsum(bad), np.cumsum(total)
    # slices that a tick finds over stand in the row of the tick before it
    later = [np.append(one[1:], one[-1]) for one in (bad, total)]
    rows = later if objective.budgeting else [bad, total]
    return PastEvents(ticks_ms, bad, total, rows[0], rows[1], has_data, since_ms)


def _sampled(
    objective: Objective, querier: Querier, engine: QueryEngine | None, ticks_ms: Int64s
) -> tuple[tuple[Float64s, Float64s], Int64s]:
    sampler = Observers([objective], querier, engine)
    times, bad, total = sampler.observed(0, int(ticks_ms[0]), int(ticks_ms[-1]))
    tick = np.searchsorted(ticks_ms, times)
    counted = _by_place(tick, bad, len(ticks_ms)), _by_place(tick, total, len(ticks_ms))
    seen_ms = np.full(len(ticks_ms), NEVER_MS, np.int64)
    some = total > 0
    np.maximum.at(seen_ms, tick[some], times[some])
    return counted, seen_ms


def _first(seen_ms: Int64s) -> int:
    some = seen_ms[seen_ms >= 0]
    return int(some[0]) if len(some) else NEVER_MS


def _slices(
    slicer: Slicer, ticks_ms: Int64s, since_ms: int, bad: Float64s, total: Float64s
) -> tuple[Float64s, Float64s]:
    """Events of each tick -> slices that it found over, from that of the first sample on."""
    slice_ms = int(slicer.slice_ms[0])
    number = -(-ticks_ms // slice_ms)
    first = -(-since_ms // slice_ms) if since_ms >= 0 else int(number[-1])
    place = np.maximum(number - first, 0)
    closed = slicer.closed(_by_place(place, bad), _by_place(place, total))
    done = [np.concatenate([[0.0], np.cumsum(one)])[place] for one in closed]
    return np.diff(done[0], prepend=0.0), np.diff(done[1], prepend=0.0)


def _by_place(place: Int64s, events: Float64s, count: int = 0) -> Float64s:
    return np.bincount(place, events, count).astype(np.float64)


@dataclass(slots=True)
class _Series:
    """One counter: its share of bad and total events, and what was read of it so far."""

    bad: float
    total: float
    last: float = np.nan
    counted: float = 0.0
    first_ms: int = NEVER_MS
    first_value: float = 0.0


class _Reading:
    def __init__(self, indicator: Indicator, querier: Querier, ticks_ms: Int64s) -> None:
        self._indicator = indicator
        self._querier = querier
        self._ticks_ms = ticks_ms
        self._series: dict[Labels, _Series] = {}
        self._refs: dict[Labels, int] = {}
        self._bounds: dict[Selector, dict[HistogramKey, dict[float, str]]] = {}
        self._source_ms: dict[tuple[str, str], int] = {}
        self._selector_of: dict[Labels, int] = {}
        self.bad, self.total = np.zeros(len(ticks_ms)), np.zeros(len(ticks_ms))
        self.seen_ms = np.full(len(ticks_ms), NEVER_MS, np.int64)
        self.since_ms = NEVER_MS

    def read(self, totals: Totals | None) -> None:
        after_ms, until_ms = int(self._ticks_ms[0]) - REFERENCE_MS, int(self._ticks_ms[-1])
        self._read(after_ms, until_ms)
        if totals is None:
            self._count_births(dict.fromkeys(self._born(), np.inf))
            return
        known = self._more_than_read(totals, until_ms)
        self._count_births(known)

    def _more_than_read(self, totals: Totals, until_ms: int) -> dict[Labels, float]:
        """What the store counted of series born here beyond their increases, up to now."""
        born = self._born()
        refs = np.array([self._refs[one] for one in born], np.int64)
        found = totals(refs)
        newest_ms = int(found.last_ms.max(initial=-1))
        if newest_ms > until_ms:
            self._read(until_ms, newest_ms)
        return {
            labels: total - self._series[labels].counted
            for labels, total in zip(born, found.total.tolist(), strict=True)
        }

    def _read(self, after_ms: int, until_ms: int) -> None:
        for start_ms in range(after_ms, until_ms, CHUNK_MS):
            end_ms = min(start_ms + CHUNK_MS, until_ms)
            for number, matchers in enumerate(widest(self._indicator)):
                for part in self._querier.select(matchers, start_ms, end_ms):
                    self._take(part, number)

    def _take(self, part: Slice, number: int) -> None:
        rows = [
            row
            for row, labels in enumerate(part.labels)
            if self._selector_of.setdefault(labels, number) == number
        ]
        if not rows:
            return
        mine = [self._known(part.labels[row], int(part.refs[row])) for row in rows]
        values, stamps = part.values[rows], part.timestamps_ms
        self._see(mine, values, stamps)
        there = np.where(np.isfinite(values), values, np.nan)
        grown, last = increases(there, np.array([one.last for one in mine]))
        self._note_first([part.labels[row] for row in rows], there, stamps)
        inside = (stamps > self._ticks_ms[0]) & (stamps <= self._ticks_ms[-1])
        tick = np.searchsorted(self._ticks_ms, stamps[inside])
        for sums, weights in (
            (self.bad, np.array([one.bad for one in mine])),
            (self.total, np.array([one.total for one in mine])),
        ):
            np.add.at(sums, tick, weights @ grown[:, inside])
        counted = grown[:, stamps > self._ticks_ms[0]].sum(axis=1)
        for one, value, events in zip(mine, last.tolist(), counted.tolist(), strict=True):
            one.last, one.counted = value, one.counted + events

    def _known(self, labels: Labels, ref: int) -> _Series:
        if labels not in self._series:
            bad, total = (
                sum(
                    self._share(term, labels) for term in side if matches_all(term.matchers, labels)
                )
                for side in (self._indicator.bad, self._indicator.total)
            )
            self._series[labels] = _Series(bad, total)
            self._refs[labels] = ref
        return self._series[labels]

    def _share(self, term: CounterTerm, labels: Labels) -> float:
        """The coefficient of a series that a term selects."""
        bound = bound_of(labels)
        if term.under is None or bound is None:
            return term.coefficient if term.under is None else 0.0
        if term.matchers not in self._bounds:
            first_ms, last_ms = int(self._ticks_ms[0]) - REFERENCE_MS, int(self._ticks_ms[-1])
            series = self._querier.series(term.matchers, first_ms, last_ms)
            self._bounds[term.matchers] = histograms(series)
        bounds = self._bounds[term.matchers].get(key_of(labels), {bound: ""})
        return term.coefficient * shares(bounds, term.under).get(bound, 0.0)

    def _see(self, mine: Sequence[_Series], values: Float64s, stamps: Int64s) -> None:
        """Note when there were samples of the total events."""
        total = np.array([one.total != 0 for one in mine])
        seen_ms = stamps[is_sample(values[total]).any(axis=0)]
        seen_ms = seen_ms[seen_ms <= self._ticks_ms[-1]]
        if not len(seen_ms):
            return
        if self.since_ms < 0:
            self.since_ms = int(seen_ms[0])
        np.maximum.at(self.seen_ms, np.searchsorted(self._ticks_ms, seen_ms), seen_ms)

    def _note_first(self, labels: Sequence[Labels], there: Float64s, stamps: Int64s) -> None:
        known = ~np.isnan(there)
        for row, column in enumerate(known.argmax(axis=1).tolist()):
            one = self._series[labels[row]]
            if one.first_ms < 0 and known[row, column]:
                one.first_ms, one.first_value = int(stamps[column]), float(there[row, column])
                source = labels[row].get("job", ""), labels[row].get("instance", "")
                source_ms = self._source_ms.setdefault(source, one.first_ms)
                self._source_ms[source] = min(source_ms, one.first_ms)

    def _born(self) -> list[Labels]:
        """Series whose first sample lies in the stretch, later than their source's."""
        return [
            labels
            for labels, one in self._series.items()
            if self._ticks_ms[0] < one.first_ms <= self._ticks_ms[-1]
        ]

    def _count_births(self, more: dict[Labels, float]) -> None:
        for labels, beyond in more.items():
            one = self._series[labels]
            events = min(max(beyond, 0.0), one.first_value)
            source_ms = self._source_ms[labels.get("job", ""), labels.get("instance", "")]
            if np.isinf(beyond) and one.first_ms <= source_ms:
                continue
            tick = int(np.searchsorted(self._ticks_ms, one.first_ms))
            self.bad[tick] += one.bad * events
            self.total[tick] += one.total * events


def widest(indicator: Indicator) -> list[tuple[Matcher, ...]]:
    """Selectors of all series of an indicator; one that only narrows another is left out."""
    found = list(dict.fromkeys(term.matchers for term in (*indicator.total, *indicator.bad)))
    return [
        one
        for place, one in enumerate(found)
        if not any(
            set(other) < set(one) or (set(other) == set(one) and before < place)
            for before, other in enumerate(found)
        )
    ]
