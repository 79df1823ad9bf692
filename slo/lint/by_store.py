"""Rules that ask a store what the series of an objective show."""

from __future__ import annotations

from collections.abc import Iterator

from collector.model.labels import METRIC_NAME
from slo.lint.counters import is_native, metrics_of, text_of
from slo.lint.interface import Complaint, Facts, SeriesFacts
from slo.objective import CounterTerm, Indicator, Objective

_COUNTER_ENDS = ("_total", "_count", "_bucket")
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


def matches_nothing(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Total events without a series, or with too many."""
    indicator = objective.indicator
    if facts.seen is None or not isinstance(indicator, Indicator):
        return
    for term in indicator.total:
        found = len(facts.seen.series(term.matchers))
        if not found:
            yield from _why_nothing(term, facts.seen)
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
        if bounds and not facts.seen.series(term.matchers):
            yield from _why_nothing(term, facts.seen)


def more_errors_than_events(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Errors that are no subset of the total."""
    indicator = objective.indicator
    if facts.seen is None or not isinstance(indicator, Indicator):
        return
    bad, total = (
        sum(term.coefficient * facts.seen.increase(term.matchers) for term in side)
        for side in (indicator.bad, indicator.total)
    )
    if bad > total:
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
