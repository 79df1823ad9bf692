"""What one objective counts in a stretch of the past, event by event, out of the store's samples.

Samples are counted with the ledger's own rules and put at their own times. What a composite's parts
counted in its slices is found the same way, part by part. A composite's slice stands at the time at
which a running ledger counts it: `SETTLE_MS` after its end.
"""

from __future__ import annotations

import numpy as np

from collector.model.samples import Float64s, Int64s
from collector.query.interface import QueryEngine
from collector.store.interface import Querier
from slo.backfill import Backfill
from slo.composed import Composed, composed
from slo.composite import SETTLE_MS, CompositeIndicator
from slo.excluded import Events
from slo.members import Resolver
from slo.objective import Indicator, Objective
from slo.sampled import Sampler
from slo.timeslices import Slicer, past_slices, slice_ends

MAX_SAMPLE_TIMES = 20_000
"""Distinct times in one stretch, 83 hours at one each 15 s; past that events are put on minutes."""
_MINUTE_MS = 60_000
_LATER = np.iinfo(np.int64).max


def stretch_of(objective: Objective, start_ms: int, end_ms: int) -> tuple[int, int]:
    """A stretch as the objective can leave it out: a slice that it touches goes whole."""
    slices = objective.budgeting
    delay_ms = 0
    if isinstance(objective.indicator, CompositeIndicator):
        slices, delay_ms = objective.indicator.slices, SETTLE_MS
    if slices is None:
        return start_ms, end_ms
    slice_ms = slices.slice_ms
    first_ms, last_ms = start_ms // slice_ms * slice_ms, -(-end_ms // slice_ms) * slice_ms
    return first_ms + delay_ms, last_ms + delay_ms


def from_store(
    objective: Objective,
    querier: Querier,
    queries: QueryEngine | None,
    ledger_times: Int64s,
    start_ms: int,
    end_ms: int,
) -> Events:
    """Events (or slices) in `(start_ms, end_ms]` from the store's samples."""
    if isinstance(objective.indicator, CompositeIndicator):
        ends, found = slices_of(objective.indicator, querier, queries, start_ms, end_ms)
        return Events(ends + SETTLE_MS, found.bad, found.total)
    if isinstance(objective.indicator, Indicator):
        times = _grid(objective, querier, ledger_times, start_ms, end_ms)
        events = _counted(objective.indicator, querier, times, start_ms, end_ms)
    else:
        events = Events(*Sampler([objective], queries).observed(0, start_ms, end_ms))
    if objective.budgeting is None:
        return events
    slicer = Slicer([objective])
    slicer.advance(start_ms + 1)
    ends, bad, total = past_slices(slicer, events.times_ms, events.bad, events.total, end_ms + 1)
    return Events(ends, bad, total).within(start_ms, end_ms)


def slices_of(
    indicator: CompositeIndicator,
    querier: Querier,
    queries: QueryEngine | None,
    start_ms: int,
    end_ms: int,
) -> tuple[Int64s, Composed]:
    """The ends of a composite's slices that are counted in `(start_ms, end_ms]`, with each."""
    bad, total, ends = parts_of(indicator, querier, queries, start_ms, end_ms)
    return ends, composed(indicator, bad, total)


def parts_of(
    indicator: CompositeIndicator,
    querier: Querier,
    queries: QueryEngine | None,
    start_ms: int,
    end_ms: int,
) -> tuple[Float64s, Float64s, Int64s]:
    """Bad and total events of each part in each slice (float64[p, s]), and the slices' ends."""
    every_ms = indicator.every_ms
    first = (start_ms - SETTLE_MS) // every_ms + 1
    ends = np.arange(first * every_ms, end_ms - SETTLE_MS + 1, every_ms, dtype=np.int64)
    bad, total = (np.zeros((len(indicator.parts), len(ends))) for _ in range(2))
    if len(ends):
        for row, part in enumerate(indicator.parts):
            events = _events_by(part, querier, queries, ends, int(ends[0]) - every_ms)
            place = np.searchsorted(ends, events.times_ms)
            np.add.at(bad[row], place, events.bad)
            np.add.at(total[row], place, events.total)
    return bad, total, ends


def _events_by(
    part: Objective, querier: Querier, queries: QueryEngine | None, ends: Int64s, start_ms: int
) -> Events:
    """Events of a part in `(start_ms, ends[-1]]`, at their own times or at the next of `ends`."""
    end_ms = int(ends[-1])
    if isinstance(part.indicator, CompositeIndicator):
        settled = start_ms + SETTLE_MS, end_ms + SETTLE_MS
        inner, found = slices_of(part.indicator, querier, queries, *settled)
        return Events(inner, found.bad, found.total)
    if part.budgeting is None and isinstance(part.indicator, Indicator):
        return _counted(part.indicator, querier, ends, start_ms, end_ms)
    return from_store(part, querier, queries, ends, start_ms, end_ms)


def _counted(
    indicator: Indicator, querier: Querier, times: Int64s, start_ms: int, end_ms: int
) -> Events:
    """Events in `(start_ms, end_ms]`, each at the first of `times` at or after its sample."""
    resolver = Resolver([indicator])
    resolver.update(querier)
    totals = querier.counter_totals(resolver.refs)
    reading = Backfill(resolver, resolver.members, totals, start_ms)
    filled = reading.fill(querier, np.append(times, _LATER))
    bad, total = (np.diff(one[:, 0], prepend=0.0) for one in (filled.bad, filled.total))
    return Events(filled.times, bad, total).within(start_ms, end_ms)


def _grid(
    objective: Objective, querier: Querier, ledger_times: Int64s, start_ms: int, end_ms: int
) -> Int64s:
    """Where events are put: at the samples' own times, or (too many) minutes and ledger rows."""
    if objective.budgeting is not None:
        return slice_ends(objective, start_ms, end_ms)
    assert isinstance(objective.indicator, Indicator)  # noqa: S101 # the caller looked
    resolver = Resolver([objective.indicator])
    resolver.update(querier)
    parts = [
        part.timestamps_ms
        for selector in resolver.uses
        for part in querier.select(selector, start_ms, end_ms)
    ]
    times = np.unique(np.concatenate([*parts, np.array([end_ms], np.int64)]))
    if len(times) <= MAX_SAMPLE_TIMES:
        return times
    minutes = np.arange(start_ms // _MINUTE_MS * _MINUTE_MS, end_ms, _MINUTE_MS, dtype=np.int64)
    marks = np.unique(np.concatenate([minutes, ledger_times, np.array([end_ms], np.int64)]))
    return marks[(marks > start_ms) & (marks <= end_ms)]
