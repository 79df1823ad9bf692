"""What one objective counted in a stretch of the past, event by event, from store or ledger.

The store's samples are counted with the ledger's own rules and put at their own times, so that the
events of any part of the stretch are known. Where the store has forgotten them, or not all samples
are in yet, the ledger's rows stand in; they are coarser the older they are.
"""

from __future__ import annotations

import numpy as np

from collector.model.samples import Int64s
from collector.query.interface import QueryEngine
from collector.store.interface import Querier
from slo.backfill import Backfill
from slo.excluded import Events
from slo.ledger import Ledger
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
    if objective.budgeting is None:
        return start_ms, end_ms
    slice_ms = objective.budgeting.slice_ms
    return start_ms // slice_ms * slice_ms, -(-end_ms // slice_ms) * slice_ms


def from_store(
    objective: Objective,
    querier: Querier,
    queries: QueryEngine | None,
    ledger_times: Int64s,
    start_ms: int,
    end_ms: int,
) -> Events:
    """Events (or slices) in `(start_ms, end_ms]` from the store's samples."""
    if isinstance(objective.indicator, Indicator):
        found = _counted(objective, querier, ledger_times, start_ms, end_ms)
    else:
        times, bad, total = Sampler([objective], queries).observed(0, start_ms, end_ms)
        found = Events(times, bad, total)
    if objective.budgeting is None:
        return found
    slicer = Slicer([objective])
    slicer.advance(start_ms + 1)
    ends, bad, total = past_slices(slicer, found.times_ms, found.bad, found.total, end_ms + 1)
    return Events(ends, bad, total).within(start_ms, end_ms)


def from_ledger(ledger: Ledger, column: int, start_ms: int, end_ms: int) -> Events:
    """Events between the ledger's rows in `(start_ms, end_ms]`: what it counted, as it stands."""
    times, bad, total = ledger.rows_of(column)
    first, last = np.searchsorted(times, [start_ms, end_ms], side="right").tolist()
    rows = slice(max(first - 1, 0), last)  # no window reaches behind the first row of all
    return Events(times[rows][1:], np.diff(bad[rows]), np.diff(total[rows]), is_exact=False)


def has_forgotten(found: Events, ledger: Ledger, column: int, start_ms: int, end_ms: int) -> bool:
    """Whether the store has fewer events than the ledger counted well within the stretch."""
    inner = from_ledger(ledger, column, start_ms + _MINUTE_MS, end_ms)
    return float(inner.total[1:].sum()) > float(found.total.sum())


def _counted(
    objective: Objective, querier: Querier, ledger_times: Int64s, start_ms: int, end_ms: int
) -> Events:
    assert isinstance(objective.indicator, Indicator)  # noqa: S101 # the caller looked
    resolver = Resolver([objective.indicator])
    resolver.update(querier)
    times = _grid(objective, resolver, querier, ledger_times, start_ms, end_ms)
    totals = querier.counter_totals(resolver.refs)
    reading = Backfill(resolver, resolver.members, totals, start_ms)
    filled = reading.fill(querier, np.append(times, _LATER))
    bad, total = (np.diff(one[:, 0], prepend=0.0) for one in (filled.bad, filled.total))
    return Events(filled.times, bad, total).within(start_ms, end_ms)


def _grid(
    objective: Objective,
    resolver: Resolver,
    querier: Querier,
    ledger_times: Int64s,
    start_ms: int,
    end_ms: int,
) -> Int64s:
    """Where events are put: at the samples' own times, or (too many) minutes and ledger rows."""
    if objective.budgeting is not None:
        return slice_ends(objective, start_ms, end_ms)
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
