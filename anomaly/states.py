"""`SeriesState`: what pages and the API show of one watched series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from anomaly.explain import FeatureDistance, sentence
from anomaly.threshold import THRESHOLD
from collector.model.labels import Labels

State = Literal["learning", "ready", "no data"]


@dataclass(frozen=True, slots=True)
class SeriesState:
    """One series of one watch at its last tick.

    `score` in [0, 1), None while learning or without data; `points` counts up to `points_needed`
    while learning; `features` are those that stand out, the farthest first; `fitted_at_ms` is None
    before the first fit; `false_alarms_per_week` is what the threshold 0.5 stands for.
    """

    watch: str
    query: str
    labels: Labels
    state: State
    points: int
    points_needed: int
    value: float | None
    score: float | None
    features: tuple[FeatureDistance, ...]
    fitted_at_ms: int | None
    is_firing: bool
    interval_ms: int
    false_alarms_per_week: float
    threshold: float = THRESHOLD

    @property
    def is_anomalous(self) -> bool:
        """Whether the score is at or over the threshold."""
        return self.score is not None and self.score >= self.threshold

    @property
    def explanation(self) -> str:
        """`learning: 12 of 40 points`, what stands out, or that nothing does."""
        if self.state == "learning":
            return f"learning: {self.points} of {self.points_needed} points"
        if self.state == "no data":
            return "no value at the last tick"
        return sentence(self.features, self.interval_ms)
