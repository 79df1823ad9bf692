"""A watched series as others see it: the labels of its score, and its alert. Pure."""

from __future__ import annotations

from anomaly.explain import sentence
from anomaly.states import SeriesState
from anomaly.track import Watch
from collector.model.alert import Alert
from collector.model.labels import METRIC_NAME, Labels

SCORE = "tocsin_anomaly_score"
ALERT_NAME = "TocsinAnomaly"
SEVERITY = "ticket"
"""An anomaly is worth a look; whether someone must get up is for an SLO to say."""


def score_labels(source: Labels, watch: str) -> Labels:
    """The source's labels with `metric` (its name, absent where the query dropped it) and `watch`.

    A source label of one of those names is kept under `exported_<name>`, as a scrape keeps it.
    """
    moved = {f"exported_{name}": source[name] for name in ("metric", "watch") if name in source}
    return source.merged(
        {**moved, METRIC_NAME: SCORE, "metric": source.metric_name, "watch": watch}
    )


def alert_of(watch: Watch, state: SeriesState, starts_at_ms: int, ends_at_ms: int | None) -> Alert:
    """The alert of a series that fires, or (with `ends_at_ms`) has ended; evidence says why."""
    identity = {METRIC_NAME: "", "alertname": ALERT_NAME, "severity": SEVERITY}
    labels = score_labels(state.labels, watch.name).merged(identity)
    what = state.labels.metric_name or watch.name
    why = sentence(state.features, state.interval_ms)
    return Alert(
        labels=labels,
        annotations={
            "summary": f"{what} behaves unlike its past",
            "description": f"{state.labels}: {why}",
        },
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        evidence={
            "query": watch.query,
            "score": state.score,
            "threshold": state.threshold,
            "value": state.value,
            "features": {feature.name: feature.distance for feature in state.features},
            "explanation": why,
        },
    )
