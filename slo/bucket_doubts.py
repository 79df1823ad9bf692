"""What is told of objectives whose threshold lies between two buckets: by how much they may err."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.store.interface import Querier
from slo.indicators.bucket_doubt import doubt
from slo.indicators.buckets import concrete
from slo.objective import Indicator, Objective
from slo.verdict import Verdict

LOOK_EVERY_MS = 60_000
"""Counts of buckets are asked so often, and only while somebody looks at the objective."""


class BucketDoubts:
    """Adds the doubt to verdicts; events are those since the store knows the buckets."""

    def __init__(self, querier: Querier) -> None:
        self._querier = querier
        self._found: dict[str, tuple[int, tuple[str, ...]]] = {}

    def told(self, verdict: Verdict) -> Verdict:
        """A verdict with a warning where its threshold is between two buckets."""
        indicator = verdict.objective.indicator
        if not any(term.under is not None for term in indicator.bad):
            return verdict
        assert isinstance(indicator, Indicator)  # noqa: S101 # the others have no terms
        id_, minute = verdict.objective.id, verdict.at_ms // LOOK_EVERY_MS
        if self._found.get(id_, (-1, ()))[0] != minute:
            found = doubt(indicator, self._series, self._counted)
            self._found[id_] = minute, (found.text,) if found else ()
        more = self._found[id_][1]
        return replace(verdict, warnings=(*verdict.warnings, *more)) if more else verdict

    def concrete(self, objective: Objective) -> Objective:
        """The objective with buckets that are there, for what can't look for them itself."""
        indicator = objective.indicator
        if not isinstance(indicator, Indicator):
            return objective
        return replace(objective, indicator=concrete(indicator, self._series))

    def _series(self, matchers: Sequence[Matcher]) -> Sequence[Labels]:
        return self._querier.labels_of(self._querier.match(matchers))

    def _counted(self, matchers: Sequence[Matcher]) -> float:
        return float(self._querier.counter_totals(self._querier.match(matchers)).total.sum())
