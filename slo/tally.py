"""`Tally`: what every counter of the objectives counted since it was last looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.samples import Float64s, Int64s
from collector.store.interface import CounterTotals, Querier
from slo.members import Members, Resolver
from slo.objective import Indicator


@dataclass(frozen=True, slots=True)
class Taken:
    """One look at all series: the store's totals, and each one's increase since the last look."""

    totals: CounterTotals
    increases: Float64s


class Tally:
    """Looks at the store's running totals; a series that is new counts all that it has."""

    def __init__(
        self, indicators: Sequence[Indicator], inherited: Mapping[int, float] | None = None
    ) -> None:
        """`inherited`: totals by ref that were counted already."""
        self.resolver = Resolver(indicators)
        self.last_ms: Int64s = np.zeros(0, np.int64)
        self._inherited = dict(inherited or {})
        self._counted: Float64s = np.zeros(0)

    @property
    def members(self) -> Members:
        """Which series feed which objective."""
        return self.resolver.members

    def take(self, querier: Querier) -> Taken:
        """Look again. A total that is no number is waited out."""
        self.resolver.update(querier)
        refs = self.resolver.refs
        new = refs[len(self._counted) :].tolist()
        before = np.concatenate([self._counted, [self._inherited.get(ref, 0.0) for ref in new]])
        totals = querier.counter_totals(refs)
        self._counted = np.fmax(np.where(np.isfinite(totals.total), totals.total, before), before)
        self.last_ms = totals.last_ms
        return Taken(totals, self._counted - before)

    def counted(self) -> dict[int, float]:
        """What was counted of each ref, for a successor with other objectives."""
        return dict(zip(self.resolver.refs.tolist(), self._counted.tolist(), strict=True))
