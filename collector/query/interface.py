"""`QueryEngine`: all that SLOs, anomalies, dashboards, rules and pages know of queries.

The same protocol is served over the embedded store and over a remote Prometheus; so nobody who asks
knows where the samples are. Calls are synchronous and may come from any thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.query.values import Answer


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """What one query may ask for beside its text; None is what the engine is set to.

    `timeout_seconds` can only shorten the engine's own; `per_step_samples` fills
    `Statistics.samples_per_step`; `explain` fills `Answer.plan`.
    """

    lookback_ms: int | None = None
    timeout_seconds: float | None = None
    per_step_samples: bool = False
    explain: bool = False


AS_SET = QueryOptions()


class QueryEngine(Protocol):
    """Answers PromQL. Raises QueryError for a wrong text, LimitError past a limit."""

    def instant(self, query: str, at_ms: int, options: QueryOptions = AS_SET) -> Answer:
        """The value of `query` at one time: Vector, RawSeries, Scalar or Text."""
        ...

    def range(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions = AS_SET,
    ) -> Answer:
        """The value of `query` at start, start + step, … up to end: always a Matrix."""
        ...

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[Labels]:
        """Label sets of series that satisfy any of the selectors, with samples in the range."""
        ...

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Sorted label names of those series (all series when there is no selector)."""
        ...

    def label_values(
        self, name: str, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Sorted values of one label of those series."""
        ...
