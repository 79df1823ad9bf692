"""What corrections take off the past of one objective, for those who count it anew.

The same stretches and the same events as the running engine's: what is told of the past with a
correction in force is what the budget says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from collector.query.interface import QueryEngine
from collector.store.interface import Querier
from slo.corrections import Correction
from slo.excluded import Excluded, Part, excluded
from slo.objective import Objective
from slo.past_events import PastEvents
from slo.store_events import from_store, stretch_of

_NO_ROWS = np.zeros(0, np.int64)


def excluded_of(
    objective: Objective,
    corrections: Sequence[Correction],
    querier: Querier,
    queries: QueryEngine | None,
    start_ms: int,
    end_ms: int,
) -> Excluded | None:
    """What is left out of an objective's events of `(start_ms, end_ms]`; None where nothing is."""
    parts = []
    for one in corrections:
        if one.selector.matches(objective) and one.start_ms < end_ms and one.end_ms > start_ms:
            edges = stretch_of(objective, one.start_ms, one.end_ms)
            events = from_store(objective, querier, queries, _NO_ROWS, *edges)
            parts.append(Part(*edges, events))
    return excluded(parts) if parts else None


def without(events: PastEvents, one: Excluded) -> PastEvents:
    """Past events with what is excluded taken off, at each tick and in each row."""
    bad, total = one.before(events.ticks_ms)
    return replace(
        events,
        bad=events.bad - bad,
        total=events.total - total,
        row_bad=events.row_bad - bad,
        row_total=events.row_total - total,
    )
