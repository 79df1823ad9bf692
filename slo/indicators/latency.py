"""Events of a classic histogram that took no longer than any threshold."""

from __future__ import annotations

from dataclasses import replace

from collector.model.errors import ConfigError
from collector.model.labels import METRIC_NAME
from collector.model.matchers import Matcher
from slo.indicators.counters import counter_terms
from slo.objective import CounterTerm, Indicator


def latency(*, histogram: str, threshold_seconds: float) -> Indicator:
    """Good: `<histogram>_bucket` up to the threshold; total: `<histogram>_count`.

    `histogram` is a selector of the base name: `http_duration_seconds{service="shop"}`. A threshold
    that is a bound, in any spelling, is exact; between two it is interpolated (`buckets`).
    Raises ConfigError for more than a selector.
    """
    terms = counter_terms(histogram)
    if len(terms) != 1:
        raise ConfigError("a latency indicator has one histogram", advice="write its base name")
    matchers = terms[0].matchers
    total = replace(terms[0], matchers=renamed(matchers, "_count"))
    good = CounterTerm(-1, renamed(matchers, "_bucket"), under=threshold_seconds)
    text = f"{histogram} <= {threshold_seconds:g}s"
    return Indicator("latency", (total, good), (total,), (("good", text), ("total", histogram)))


def renamed(matchers: tuple[Matcher, ...], suffix: str) -> tuple[Matcher, ...]:
    """The selector of a part of the metric: `_bucket`, `_count`."""
    return tuple(
        Matcher("=", METRIC_NAME, one.value + suffix) if one.name == METRIC_NAME else one
        for one in matchers
    )


def without_suffix(matchers: tuple[Matcher, ...], suffix: str) -> tuple[Matcher, ...]:
    """The selector of the whole metric, from that of a part."""
    return tuple(
        Matcher("=", METRIC_NAME, one.value.removesuffix(suffix))
        if one.name == METRIC_NAME
        else one
        for one in matchers
    )


def at_bound(term: CounterTerm) -> CounterTerm:
    """A term under a threshold as the bucket of that bound, for what knows of no others."""
    if term.under is None:
        return term
    spelled = spellings(term.under)
    bucket = (
        Matcher("=~", "le", spelled) if "|" in spelled else Matcher("=", "le", f"{term.under:.15g}")
    )
    return CounterTerm(term.coefficient, (*term.matchers, bucket))


def spellings(bound: float) -> str:
    """A regular expression of the ways in which a bound is written: `1`, `1.0`."""
    short = f"{bound:.15g}"
    escaped = short.replace(".", r"\.").replace("+", r"\+")
    return escaped if "." in short or "e" in short else rf"{escaped}|{escaped}\.0"
