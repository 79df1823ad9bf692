"""HTTP routes of anomalies: `GET /api/tocsin/v1/anomalies`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter
from pydantic import BaseModel

from anomaly.states import SeriesState

DEFAULT_LIMIT = 1000
MAX_LIMIT = 100_000


class AnomalyBody(BaseModel):
    """One watched series."""

    watch: str
    query: str
    labels: dict[str, str]
    state: str
    points: int
    points_needed: int
    value: float | None
    score: float | None
    threshold: float
    is_anomalous: bool
    is_firing: bool
    features: dict[str, float]
    explanation: str
    fitted_at_ms: int | None
    expected_false_alarms_per_week: float

    @classmethod
    def of(cls, state: SeriesState) -> AnomalyBody:
        """The body of a state."""
        return cls(
            watch=state.watch,
            query=state.query,
            labels=dict(state.labels),
            state=state.state,
            points=state.points,
            points_needed=state.points_needed,
            value=state.value,
            score=state.score,
            threshold=state.threshold,
            is_anomalous=state.is_anomalous,
            is_firing=state.is_firing,
            features={feature.name: feature.distance for feature in state.features},
            explanation=state.explanation,
            fitted_at_ms=state.fitted_at_ms,
            expected_false_alarms_per_week=state.false_alarms_per_week,
        )


class AnomaliesBody(BaseModel):
    """The answer: the oddest first, `total` before the limit."""

    anomalies: list[AnomalyBody]
    total: int


def router(states: Callable[[], Sequence[SeriesState]]) -> APIRouter:
    """The routes; `states` gives every watched series, the oddest first."""
    routes = APIRouter()

    @routes.get("/api/tocsin/v1/anomalies")
    def anomalies(
        watch: str | None = None, min_score: float | None = None, limit: int = DEFAULT_LIMIT
    ) -> AnomaliesBody:
        """Watched series, all or of one watch, at or over a score."""
        found = [
            state
            for state in states()
            if watch in (None, state.watch)
            and (min_score is None or (state.score is not None and state.score >= min_score))
        ]
        shown = found[: max(0, min(limit, MAX_LIMIT))]
        return AnomaliesBody(anomalies=[AnomalyBody.of(s) for s in shown], total=len(found))

    return routes
