"""Events of a classic histogram that took no longer than a threshold which is one of its bounds."""

from __future__ import annotations

from dataclasses import replace

from collector.model.errors import ConfigError
from collector.model.labels import METRIC_NAME
from collector.model.matchers import Matcher
from slo.indicators.counters import counter_terms
from slo.objective import Indicator


def latency(*, histogram: str, threshold_seconds: float) -> Indicator:
    """Good: `<histogram>_bucket` at `le` = threshold; total: `<histogram>_count`.

    `histogram` is a selector of the base name: `http_duration_seconds{service="shop"}`. A bound is
    found in any spelling of its number (`1`, `1.0`). Raises ConfigError for more than a selector.
    """
    terms = counter_terms(histogram)
    if len(terms) != 1:
        raise ConfigError("a latency indicator has one histogram", advice="write its base name")
    matchers = terms[0].matchers
    bucket = (*_renamed(matchers, "_bucket"), Matcher("=~", "le", _spellings(threshold_seconds)))
    total = replace(terms[0], matchers=_renamed(matchers, "_count"))
    good = replace(terms[0], coefficient=-1, matchers=bucket)
    text = f"{histogram} <= {threshold_seconds:g}s"
    return Indicator("latency", (total, good), (total,), (("good", text), ("total", histogram)))


def _renamed(matchers: tuple[Matcher, ...], suffix: str) -> tuple[Matcher, ...]:
    return tuple(
        Matcher("=", METRIC_NAME, one.value + suffix) if one.name == METRIC_NAME else one
        for one in matchers
    )


def _spellings(bound: float) -> str:
    short = f"{bound:.15g}"
    escaped = short.replace(".", r"\.").replace("+", r"\+")
    return escaped if "." in short or "e" in short else rf"{escaped}|{escaped}\.0"
