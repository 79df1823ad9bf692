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
    """One look at all series: the store's totals, and each one's increase since the last look.

    `before_ms` int64[series]: the newest sample of each at the last look, -1 when it was not known.
    """

    totals: CounterTotals
    increases: Float64s
    before_ms: Int64s


_UNKNOWN = (0.0, -1)


class Tally:
    """Looks at the store's running totals; a series that is new counts all that it has."""

    def __init__(
        self,
        indicators: Sequence[Indicator],
        inherited: Mapping[int, tuple[float, int]] | None = None,
    ) -> None:
        """`inherited` by ref: the total that was counted already, and up to which sample."""
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
        known = [self._inherited.pop(ref, _UNKNOWN) for ref in new]
        before = np.concatenate([self._counted, [total for total, _ in known]])
        newest = np.array([last_ms for _, last_ms in known], np.int64)
        before_ms = np.concatenate([self.last_ms, newest])
        totals = querier.counter_totals(refs)
        self._counted = np.fmax(np.where(np.isfinite(totals.total), totals.total, before), before)
        self.last_ms = totals.last_ms
        return Taken(totals, self._counted - before, before_ms)

    def counted(self) -> dict[int, tuple[float, int]]:
        """What was counted of each ref, up to which sample: for who counts other objectives."""
        known = zip(self._counted.tolist(), self.last_ms.tolist(), strict=True)
        return dict(zip(self.resolver.refs.tolist(), known, strict=True))
