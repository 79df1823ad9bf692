"""Any PromQL that is looked at each minute: a gauge against a threshold, a ratio, a probe."""

from __future__ import annotations

from collector.model.errors import ConfigError, InputError
from collector.query.parser import parse
from slo.objective import Comparison, SampledIndicator


def sampled(
    kind: str, query: str, operator: Comparison, threshold: float, every_ms: int
) -> SampledIndicator:
    """An indicator that asks `query`. Raises ConfigError for what is not PromQL."""
    text = query.strip()
    try:
        parse(text)
    except InputError as error:
        raise ConfigError(f"not PromQL: {error.message}", advice=error.advice) from error
    wanted = f"{text} {operator} {threshold:g}" if operator in _THRESHOLDS else text
    return SampledIndicator(kind, text, operator, threshold, every_ms, ((operator, wanted),))


_THRESHOLDS = ("lt", "lte", "gt", "gte")
