"""Whether enough is done: the rate of a counter against the least that is enough."""

from __future__ import annotations

from collector.model.durations import format_duration
from slo.indicators.sampled import sampled
from slo.objective import SampledIndicator
from slo.window import MINUTE_MS

DEFAULT_OVER_MS = 5 * MINUTE_MS


def throughput(
    counter: str, at_least: float, over_ms: int = DEFAULT_OVER_MS, every_ms: int = MINUTE_MS
) -> SampledIndicator:
    """Good while all series of a selector together count `at_least` a second, over `over_ms`.

    Raises ConfigError for what is not PromQL.
    """
    query = f"sum(rate({counter.strip()}[{format_duration(over_ms)}]))"
    return sampled("throughput", query, "gte", at_least, every_ms)
