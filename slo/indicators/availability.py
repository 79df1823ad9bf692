"""Whether something is up: `up`, `probe_success`, or any other series that is 1 while it is."""

from __future__ import annotations

from slo.indicators.sampled import sampled
from slo.objective import SampledIndicator
from slo.window import MINUTE_MS


def availability(query: str, every_ms: int = MINUTE_MS) -> SampledIndicator:
    """Each series is asked `every_ms`, and good while it is 1. Raises ConfigError for no PromQL."""
    return sampled("availability", query, "gte", 1.0, every_ms)
