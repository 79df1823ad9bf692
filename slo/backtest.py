"""`backtest`: specifications over the history of a store, every objective and group replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from collector.model.errors import InputError, LimitError
from collector.model.samples import Int64s
from collector.query.interface import QueryEngine
from collector.store.interface import Querier
from slo.burn_rate import Tier
from slo.corrections import Correction
from slo.grouping import Groups
from slo.judgement import Criteria
from slo.objective import Objective
from slo.past_corrections import excluded_of, without
from slo.past_events import PastEvents, Totals, past_events
from slo.replay import Replay, lead_in_ms, replay, ticks_between

MAX_TICKS = 1_500_000
"""Of one objective, the window before the stretch included: 260 days at 15 s, half a gigabyte."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where history is read: `totals` are the store's running totals, None for a remote one's.

    `corrections` are those in force, which take time out of the past as out of budgets.
    """

    querier: Querier
    totals: Totals | None
    engine: QueryEngine | None
    corrections: Callable[[], Sequence[Correction]] = tuple


def backtest(
    objectives: Sequence[Objective],
    source: Source,
    start_ms: int,
    end_ms: int,
    tick_ms: int,
    override: Sequence[Tier] = (),
) -> Iterator[Replay]:
    """Each objective's replay of `[start_ms, end_ms]`, group by group where it has groups.

    Raises InputError for a stretch that ends before it begins, LimitError past MAX_TICKS, and what
    the source raises.
    """
    groups = Groups(objectives)
    groups.update(source.querier)
    found = groups.objectives()
    if not found:
        return
    if end_ms <= start_ms:
        raise InputError("the stretch ends before it begins", advice="--from is before --to")
    criteria = Criteria(found, override)
    ticks_ms = ticks_between(max(0, start_ms - lead_in_ms(criteria)), end_ms, tick_ms)
    if len(ticks_ms) > MAX_TICKS:
        raise LimitError(
            f"{len(ticks_ms):,} ticks of {tick_ms} ms are more than {MAX_TICKS:,}",
            advice="ask for a shorter stretch, or a longer tick such as 1m",
        )
    for column, one in enumerate(found):
        yield replay(criteria, column, _events(one, source, ticks_ms), start_ms, tick_ms)


def _events(objective: Objective, source: Source, ticks_ms: Int64s) -> PastEvents:
    events = past_events(
        objective, source.querier, ticks_ms, totals=source.totals, engine=source.engine
    )
    span = int(ticks_ms[0]), int(ticks_ms[-1])
    found = excluded_of(objective, source.corrections(), source.querier, source.engine, *span)
    return events if found is None else without(events, found)
