"""What a lint rule takes and gives: facts in, complaints out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from collector.model.errors import NOWHERE, Where
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from slo.burn_rate import Tier
from slo.objective import Objective

Level = Literal["error", "warning"]


class SeriesFacts(Protocol):
    """What a store knows of the series that an objective counts."""

    def series(self, matchers: Sequence[Matcher]) -> Sequence[Labels]:
        """Label sets of series that satisfy all matchers."""
        ...

    def increase(self, matchers: Sequence[Matcher]) -> float:
        """What they counted over the last day or as long as is known."""
        ...

    def falls(self, matchers: Sequence[Matcher]) -> tuple[int, int]:
        """How often they fell over the last day, and of how many samples."""
        ...

    def metric_type(self, name: str) -> str:
        """`counter`, `gauge`, … of a metric; "" when it is not known."""
        ...


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known beside the specification; `seen` None without a store.

    `job_interval_ms` has the jobs that are scraped otherwise than every `scrape_interval_ms`.
    `retention_ms` 0: all is kept, or nobody knows.
    """

    scrape_interval_ms: int = 60_000
    retention_ms: int = 0
    tiers: tuple[Tier, ...] = ()
    seen: SeriesFacts | None = None
    job_interval_ms: Mapping[str, int] = field(default_factory=dict)

    def interval_ms(self, objective: Objective) -> int:
        """Time between scrapes of an objective's counters, the longest of those it names."""
        jobs = {
            one.value
            for term in (*objective.indicator.bad, *objective.indicator.total)
            for one in term.matchers
            if (one.name, one.kind) == ("job", "=")
        }
        named = [self.job_interval_ms[job] for job in jobs if job in self.job_interval_ms]
        return max(named, default=self.scrape_interval_ms)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is probably wrong, where, and what to do."""

    rule: str
    level: Level
    objective: str
    message: str
    advice: str
    where: Where = NOWHERE


Complaint = tuple[Level, str, str]
Rule = Callable[[Objective, Facts], Iterator[Complaint]]
