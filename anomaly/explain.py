"""Says which features stand out, how far, and in words that need no knowledge of the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anomaly.features import FEATURES, SPREAD_SPAN
from collector.model.durations import format_duration
from collector.model.samples import Float64s

MOST_TOLD = 3
WORTH_TELLING = 3.0
"""Deviations under which a feature is ordinary."""


@dataclass(frozen=True, slots=True)
class FeatureDistance:
    """A feature and its signed distance from its usual value, in robust deviations."""

    name: str
    distance: float


def told(distances: Float64s) -> tuple[FeatureDistance, ...]:
    """At most three features of one row (float64[features]) that stand out, the farthest first."""
    order = np.argsort(-np.abs(distances), kind="stable")[:MOST_TOLD]
    return tuple(
        FeatureDistance(FEATURES[i], round(float(distances[i]), 1))
        for i in order
        if abs(distances[i]) >= WORTH_TELLING
    )


def sentence(features: Sequence[FeatureDistance], interval_ms: int) -> str:
    """`mean of the last 25s is 8.2 deviations above its recent past; …`"""
    if not features:
        return "no single feature stands out"
    return "; ".join(_clause(feature, interval_ms) for feature in features)


def _clause(feature: FeatureDistance, interval_ms: int) -> str:
    far, side = f"{abs(feature.distance):.1f} deviations", "above"
    if feature.distance < 0:
        side = "below"
    if feature.name == "level_1":
        return f"value is {far} {side} its recent past"
    if feature.name.startswith("level_"):
        span = format_duration(int(feature.name.removeprefix("level_")) * interval_ms)
        return f"mean of the last {span} is {far} {side} its recent past"
    if feature.name == "change":
        return f"{'rise' if side == 'above' else 'fall'} of {far} in one step"
    if feature.name == "spread":
        span = format_duration(SPREAD_SPAN * interval_ms)
        return f"spread over {span} is {far} {side} usual"
    return f"unchanged for longer than usual ({far})"
