"""Rules that ask a store what the series of an objective show."""

from __future__ import annotations

from collections.abc import Iterator

from collector.model.labels import METRIC_NAME
from slo.indicators.bucket_doubt import doubt
from slo.indicators.buckets import concrete
from slo.lint.counters import is_native, metrics_of, terms_of, text_of
from slo.lint.interface import Complaint, Facts, SeriesFacts
from slo.objective import CounterTerm, Indicator, Objective

_COUNTER_ENDS = ("_total", "_count", "_bucket")
_ROUNDING = 1e-9
MAX_RESETS = 10
MAX_RESETS_RATIO = 0.02
"""Restarts that a day may have; a gauge falls at every other sample."""
MAX_SERIES = 10_000
"""Series that one objective counts; more are counted too, but cost memory at each tick."""


def not_a_counter(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Metrics that are no counters, by type or by name."""
    for name in metrics_of(objective):
        kind = facts.seen.metric_type(name) if facts.seen else ""
        if kind and kind not in ("counter", "histogram", "summary", "unknown"):
            yield "error", f"{name} is a {kind}, and is counted", "an event is a counter's increase"
        elif not kind and not name.endswith(_COUNTER_ENDS) and not is_native(objective):
            yield (
                "warning",
                f"{name} is not named as a counter is",
                f"counters end in {', '.join(_COUNTER_ENDS)}; a gauge can be looked at instead",
            )


def falls(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Metrics that fall too often to be counters."""
    for term in terms_of(objective) if facts.seen else ():
        fallen, samples = facts.seen.falls(term.matchers) if facts.seen else (0, 0)
        if fallen > MAX_RESETS and fallen > MAX_RESETS_RATIO * samples:
            yield (
                "error",
                f"{text_of(term)} fell at {fallen:,} of {samples:,} samples of the last day",
                "a counter falls only when its process restarts; look at a gauge with look_at",
            )


def matches_nothing(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Total events without a series."""
    indicator = objective.indicator
    if facts.seen is None or not isinstance(indicator, Indicator):
        return
    for term in indicator.total:
        if not facts.seen.series(term.matchers):
            yield from _why_nothing(term, facts.seen)


def too_many_series(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Selectors of more series than an objective should count."""
    for term in terms_of(objective) if facts.seen else ():
        found = len(facts.seen.series(term.matchers)) if facts.seen else 0
        if found > MAX_SERIES:
            yield (
                "warning",
                f"{text_of(term)} counts {found:,} series",
                "drop labels that grow without bound, or count an aggregate",
            )


def _why_nothing(term: CounterTerm, seen: SeriesFacts) -> Iterator[Complaint]:
    without = [one for one in term.matchers if one.name != "le"]
    bounds = sorted({one.get("le", "") for one in seen.series(without)}, key=_as_number)
    if len(without) < len(term.matchers) and bounds:
        yield (
            "error",
            f"{text_of(term)} has no such bucket",
            f"its bounds are {', '.join(bounds)}",
        )
        return
    name = [one for one in term.matchers if one.name == METRIC_NAME]
    advice = "check the labels" if seen.series(name) else "check the name; is it scraped yet?"
    yield "warning", f"{text_of(term)} matches no series", advice


def good_bucket_missing(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Bounds that the histogram does not have."""
    indicator = objective.indicator
    if facts.seen is None or not isinstance(indicator, Indicator):
        return
    for term in indicator.bad:
        bounds = [one for one in term.matchers if one.name == "le"]
        if (bounds or term.under is not None) and not facts.seen.series(term.matchers):
            yield from _why_nothing(term, facts.seen)


def between_buckets(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """A threshold that no bucket ends at."""
    if facts.seen is None or not isinstance(objective.indicator, Indicator):
        return
    found = doubt(objective.indicator, facts.seen.series, facts.seen.increase)
    if found is not None:
        yield "warning", found.text, found.advice


def more_errors_than_events(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Errors that are no subset of the total."""
    indicator = objective.indicator
    if facts.seen is None or not isinstance(indicator, Indicator):
        return
    indicator = concrete(indicator, facts.seen.series)
    bad, total = (
        sum(term.coefficient * facts.seen.increase(term.matchers) for term in side)
        for side in (indicator.bad, indicator.total)
    )
    if bad > total * (1 + _ROUNDING):
        yield (
            "error",
            f"{bad:,.0f} bad events of {total:,.0f} in all: the bad ones are no part of the total",
            "count both at the same place",
        )


def budget_below_one_event(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Traffic that makes the budget less than one event."""
    indicator = objective.indicator
    if facts.seen is None or not isinstance(indicator, Indicator) or objective.budgeting:
        return
    a_day = sum(term.coefficient * facts.seen.increase(term.matchers) for term in indicator.total)
    allowed = a_day * objective.window.duration_ms / 86_400_000 * float(objective.allowed)
    if 0 < allowed < 1:
        yield (
            "warning",
            f"at {a_day:,.0f} events a day the budget is {allowed:.2g} events: one overspends it",
            "lower the objective, lengthen the window, or count slices of time",
        )


def _as_number(bound: str) -> float:
    try:
        return float(bound)
    except ValueError:
        return float("inf")
