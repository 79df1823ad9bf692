"""Which label values used the budget: the bad events of a stretch, series by series.

The series of an objective are counted one by one with the ledger's own rules, so that the parts add
up to what the ledger has for the same stretch. Values of each label are ranked by their bad events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.histogram_columns import COMPONENT
from collector.model.labels import METRIC_NAME, Labels
from collector.model.samples import Float64s, Int64s
from collector.query.interface import QueryEngine
from collector.store.interface import Querier
from slo.backfill import Backfill
from slo.composite import SETTLE_MS, CompositeIndicator
from slo.members import Members, Resolver
from slo.objective import Indicator, Objective
from slo.store_events import slices_of

_PARTS = (METRIC_NAME, "le", COMPONENT)
"""Labels that tell the parts of one metric apart, and nothing of who used the budget."""
PART = "slo"
"""The label of a share that is a part of a composite's."""


@dataclass(frozen=True, slots=True)
class Share:
    """Events of the series with one value of a label; `of_bad_ratio` of all bad events."""

    label: str
    value: str
    bad: float
    total: float
    of_bad_ratio: float


@dataclass(frozen=True, slots=True)
class Attribution:
    """Bad and total events of `(start_ms, end_ms]`, and who had them, most bad events first.

    Labels that all series share have no part in it: they tell nobody apart.
    """

    start_ms: int
    end_ms: int
    bad: float
    total: float
    shares: tuple[Share, ...]

    @property
    def worst(self) -> Share | None:
        """The value that most of the bad events have."""
        return self.shares[0] if self.shares else None


def attribution(
    objective: Objective,
    querier: Querier,
    queries: QueryEngine | None,
    start_ms: int,
    end_ms: int,
    left_out: Sequence[tuple[int, int]] = (),
) -> Attribution | None:
    """Who had the bad events; None for an indicator that is looked at.

    `left_out` are disjoint ascending stretches `(start, end]` whose events do not count.
    """
    kept = _kept(start_ms, end_ms, left_out)
    if isinstance(objective.indicator, CompositeIndicator):
        return _of_slices(objective.indicator, querier, queries, kept)
    if not isinstance(objective.indicator, Indicator):
        return None
    resolver, bad, total = _events_by_series(objective.indicator, querier, kept)
    parts = _of_counted_parts(objective, bad, querier, kept)
    shares = _ranked([*parts, *_by_label(resolver.labels, bad, total)])
    return Attribution(start_ms, end_ms, float(bad.sum()), float(total.sum()), tuple(shares))


def _kept(start_ms: int, end_ms: int, left_out: Sequence[tuple[int, int]]) -> Int64s:
    """Edges of what counts: it begins at each even one and ends at each odd one."""
    edges = [start_ms]
    for begin, end in left_out:
        if end > start_ms and begin < end_ms:
            edges += [max(begin, start_ms), min(end, end_ms)]
    return np.array([*edges, end_ms], np.int64)


def _of_slices(
    indicator: CompositeIndicator, querier: Querier, queries: QueryEngine | None, kept: Int64s
) -> Attribution:
    """Which parts made the slices bad."""
    ends, found = slices_of(indicator, querier, queries, int(kept[0]), int(kept[-1]))
    counts = np.searchsorted(kept, ends + SETTLE_MS) % 2 == 1
    bad, total = float(found.bad[counts].sum()), float(found.total[counts].sum())
    shares = [
        Share(PART, part.id, failed, total, failed / bad if bad else 0.0)
        for part, failed in zip(
            indicator.parts, found.blame[:, counts].sum(axis=1).tolist(), strict=True
        )
    ]
    return Attribution(int(kept[0]), int(kept[-1]), bad, total, tuple(_ranked(shares)))


def _of_counted_parts(
    objective: Objective, bad: Float64s, querier: Querier, kept: Int64s
) -> list[Share]:
    """The parts of a composite that counts events, one by one."""
    whole, found = float(bad.sum()), []
    parts = objective.composite.counted if objective.composite and not objective.group else ()
    for part_id, indicator in parts:
        _, failed, all_ = _events_by_series(indicator, querier, kept)
        of = float(failed.sum())
        found.append(Share(PART, part_id, of, float(all_.sum()), of / whole if whole else 0.0))
    return found


def _events_by_series(
    indicator: Indicator, querier: Querier, kept: Int64s
) -> tuple[Resolver, Float64s, Float64s]:
    """Bad and total events of each series (float64[n]), as the ledger would count them."""
    resolver = Resolver([indicator])
    resolver.update(querier)
    count, all_ = len(resolver.refs), resolver.members
    slots = all_.positions + np.where(all_.slots == 0, 0, count)
    order = np.argsort(slots, kind="stable")
    single = Members(count, all_.positions[order], slots[order], all_.coefficients[order])
    reading = Backfill(resolver, single, querier.counter_totals(resolver.refs), int(kept[0]))
    after = np.iinfo(np.int64).max
    filled = reading.fill(querier, np.append(np.unique(kept[1:]), after))
    counts = (np.searchsorted(kept, filled.times) % 2 == 1) & (filled.times < after)
    none = np.zeros((1, count))
    bad, total = (np.diff(np.vstack([none, one]), axis=0) for one in (filled.bad, filled.total))
    return resolver, bad[counts].sum(axis=0), total[counts].sum(axis=0)


def _by_label(series: Sequence[Labels], bad: Float64s, total: Float64s) -> list[Share]:
    events: dict[tuple[str, str], tuple[float, float]] = {}
    for labels, failed, all_ in zip(series, bad.tolist(), total.tolist(), strict=True):
        for pair in labels.pairs:
            if pair[0] not in _PARTS:
                before = events.get(pair, (0.0, 0.0))
                events[pair] = (before[0] + failed, before[1] + all_)
    whole = float(bad.sum())
    return [
        Share(name, value, failed, all_, failed / whole if whole else 0.0)
        for (name, value), (failed, all_) in events.items()
    ]


def _ranked(shares: Sequence[Share]) -> list[Share]:
    values: dict[str, int] = {}
    for one in shares:
        values[one.label] = values.get(one.label, 0) + 1
    return sorted(
        (one for one in shares if values[one.label] > 1),
        key=lambda one: (-one.bad, one.total, one.label, one.value),
    )


LOOK_EVERY_MS = 5 * 60_000
LOOK_BACK_MS = 60 * 60_000
SHARES_TOLD = 3


Look = Callable[[str, int, int], Attribution | None]
"""Who had the bad events of an objective (its id) in a stretch of time."""


class Blamed:
    """Who had the bad events of the objectives that fire, looked at anew now and then.

    It is looked at every LOOK_EVERY_MS from the start of the alert, whenever that is asked for, so
    that a restarted run sees what one that was not would have seen.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self._found: dict[str, tuple[int, tuple[Share, ...]]] = {}

    def look(self, since_ms: Mapping[str, int], now_ms: int) -> None:
        """Look at those that fire since a time and were not looked at lately; forget the others."""
        self._found = {id_: found for id_, found in self._found.items() if id_ in since_ms}
        for id_, began_ms in since_ms.items():
            at_ms = now_ms - (now_ms - began_ms) % LOOK_EVERY_MS
            if id_ not in self._found or self._found[id_][0] != at_ms:
                found = self._look(id_, at_ms - LOOK_BACK_MS, at_ms)
                self._found[id_] = (at_ms, found.shares[:SHARES_TOLD] if found else ())

    def shares_of(self, objective_id: str) -> tuple[Share, ...]:
        """The largest shares of the last look."""
        return self._found.get(objective_id, (0, ()))[1]
