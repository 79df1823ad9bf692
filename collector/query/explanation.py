"""`PlanStep`: what one operator of a query did, as `explain` tells it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class PlanStep:
    """One operator: `text` says what it does; the figures grow while the query runs.

    `seconds` and `samples` (read from the store) include the steps below; `series` is the most
    that one run gave; `runs` is 0 where another place of the query had the value already.
    """

    text: str = ""
    seconds: float = 0.0
    samples: int = 0
    series: int = 0
    runs: int = 0
    children: list[PlanStep] = field(default_factory=list)

    @property
    def own_seconds(self) -> float:
        """Time without that of the steps below."""
        return max(self.seconds - sum(child.seconds for child in self.children), 0.0)

    def lines(self, depth: int = 0) -> Iterator[tuple[int, PlanStep]]:
        """Every step with its depth, as a plan is read: what is outermost first."""
        yield depth, self
        for child in self.children:
            yield from child.lines(depth + 1)

    def to_json(self) -> dict[str, object]:
        """The step as the API gives it."""
        return {
            "operator": self.text,
            "seconds": round(self.seconds, 6),
            "ownSeconds": round(self.own_seconds, 6),
            "samples": self.samples,
            "series": self.series,
            "runs": self.runs,
            "children": [child.to_json() for child in self.children],
        }
