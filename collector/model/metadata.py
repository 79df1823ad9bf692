"""Metric type, unit and help text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MetricType = Literal[
    "counter",
    "gauge",
    "histogram",
    "gaugehistogram",
    "summary",
    "info",
    "stateset",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a metric family says of itself."""

    type: MetricType = "unknown"
    help: str = ""
    unit: str = ""
