"""How old something is: a series that holds the Unix time (seconds) of the last success."""

from __future__ import annotations

from collector.model.errors import ConfigError
from slo.indicators.sampled import sampled
from slo.objective import SampledIndicator
from slo.window import MINUTE_MS


def freshness(timestamp: str, within_ms: int, every_ms: int = MINUTE_MS) -> SampledIndicator:
    """Good while the time is no further back than `within_ms`; each series is looked at.

    Raises ConfigError for what is not PromQL, or no time at all.
    """
    if within_ms <= 0:
        raise ConfigError("nothing is fresher than now", advice="within: 1h is usual for a batch")
    age = f"time() - ({timestamp.strip()})"
    return sampled("freshness", age, "lte", within_ms / 1000, every_ms)
