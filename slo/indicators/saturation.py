"""Whether there is room left: a gauge over or under a limit, each series on its own."""

from __future__ import annotations

from slo.indicators.sampled import sampled
from slo.objective import Comparison, SampledIndicator
from slo.window import MINUTE_MS


def saturation(
    gauge: str, operator: Comparison, limit: float, every_ms: int = MINUTE_MS
) -> SampledIndicator:
    """Good while the gauge is `operator` (`lt`, `lte`, `gt`, `gte`) the limit.

    Raises ConfigError for what is not PromQL.
    """
    return sampled("saturation", gauge, operator, limit, every_ms)
