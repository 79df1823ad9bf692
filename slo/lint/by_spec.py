"""Rules that the specification alone decides, with the intervals of the configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator

from collector.model.durations import format_duration
from slo.burn_rate import tiers_for, warnings_of
from slo.lint.counters import matchers_of, name_of, terms_of
from slo.lint.interface import Complaint, Facts
from slo.objective import Indicator, Objective, SampledIndicator
from slo.window import window_text

_LOOKS_LIKE_A_PATTERN = re.compile(r"\.\*|\.\+|\d\.\.|\||\[[^\]]+\]")
SURE_PERCENT = 1.0
"""A target below one percent is a ratio where a percentage was meant."""


def dead_tiers(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Tiers that even 100 % errors can not reach."""
    tiers = facts.tiers or tiers_for(objective.window.duration_ms)
    for message in warnings_of(objective.allowed, tiers):
        yield "warning", message, "a target this low needs tiers of its own (slos.burn_rate_tiers)"


def short_windows(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Windows that see fewer than two scrapes."""
    tiers = facts.tiers or tiers_for(objective.window.duration_ms)
    shortest = min(tier.short_ms for tier in tiers)
    interval_ms = facts.interval_ms(objective)
    if shortest < 2 * interval_ms:
        yield (
            "warning",
            f"the {window_text(shortest)} window sees fewer than two scrapes "
            f"({format_duration(interval_ms)} apart): its tier can't be relied on",
            "lengthen the budget's window, or scrape more often",
        )


def tiers_longer_than_the_budget(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Tiers that look back past the window of the budget."""
    tiers = facts.tiers or tiers_for(objective.window.duration_ms)
    longest = max(tier.long_ms for tier in tiers)
    if longest > objective.window.duration_ms:
        yield (
            "warning",
            f"a tier looks back {window_text(longest)}, longer than the budget's window",
            "shorten the tier, or lengthen the window",
        )


def percentage_or_ratio(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """A ratio where a percentage was meant."""
    percent = float(objective.target * 100)
    if percent <= SURE_PERCENT:
        yield (
            "error",
            f"the objective is {percent:.6g} %: nearly every event may be bad",
            f"{percent * 100:.6g} % was probably meant",
        )


def nobody_is_told(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Both severities disabled."""
    if objective.alerting.page.disabled and objective.alerting.ticket.disabled:
        yield "warning", "page and ticket are both disabled: nobody is told", "enable one of them"


def budget_below_one_slice(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Slices that are too long for the budget, or too short for the scrapes."""
    slices = objective.budgeting
    if slices is None:
        return
    allowed = float(objective.allowed) * objective.window.duration_ms / slices.slice_ms
    if slices.target is not None and allowed < 1:
        yield (
            "warning",
            f"the budget is {allowed:.2g} slices: one bad slice overspends it",
            "shorten the slices, lengthen the window, or lower the objective",
        )
    if slices.slice_ms < facts.interval_ms(objective):
        yield (
            "warning",
            f"slices of {window_text(slices.slice_ms)} are shorter than the time between scrapes",
            "make a slice as long as some scrapes",
        )


def looked_at_too_rarely(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Too few looks for the slices or the budget."""
    indicator, slices = objective.indicator, objective.budgeting
    if not isinstance(indicator, SampledIndicator):
        return
    if slices is not None and indicator.every_ms > slices.slice_ms:
        yield (
            "error",
            f"it is looked at every {window_text(indicator.every_ms)}, but slices are shorter",
            "look at it at least once a slice",
        )
    looks = objective.window.duration_ms / indicator.every_ms
    if slices is None and float(objective.allowed) * looks < 1:
        yield (
            "warning",
            f"the budget is less than one of its {looks:,.0f} looks: a bad one overspends it",
            "look more often, lengthen the window, or lower the objective",
        )


def raw_ratio(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Ratios that are divided before they are weighed."""
    indicator = objective.indicator
    if isinstance(indicator, SampledIndicator) and indicator.operator in ("success", "failure"):
        yield (
            "warning",
            "a ratio that is already divided weighs a quiet minute like a busy one",
            "count good or bad, and total, events where there are counters",
        )


def window_past_retention(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """A window that the store does not keep."""
    if 0 < facts.retention_ms < objective.window.duration_ms:
        yield (
            "warning",
            f"the store keeps {window_text(facts.retention_ms)}, less than the budget's window: "
            "a changed objective can't be counted back over all of it",
            "raise storage.retention_time",
        )


def bucket_without_bound(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Buckets without a bound, bounds without buckets."""
    for term in terms_of(objective):
        name = name_of(term)
        bounds = [one for one in term.matchers if one.name == "le"]
        if name.endswith("_bucket") and not bounds and term.under is None:
            yield (
                "error",
                f"{name} without `le` counts each event once for every bucket",
                'name the bound: le="0.25"',
            )
        if bounds and not name.endswith("_bucket"):
            yield "error", f"{name} has no buckets, and `le` is asked of it", "ask _bucket"


def pattern_with_equals(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """`=` where `=~` was meant."""
    for matcher in matchers_of(objective):
        if matcher.kind in ("=", "!=") and _LOOKS_LIKE_A_PATTERN.search(matcher.value):
            yield (
                "warning",
                f"{matcher} compares with the text of a pattern",
                f"write {matcher.name}=~ where the pattern is meant",
            )


def errors_outside_of_total(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Bad events that the total does not select."""
    indicator = objective.indicator
    if not isinstance(indicator, Indicator):
        return
    for bad in indicator.bad:
        same = [one for one in indicator.total if name_of(one) == name_of(bad)]
        if bad.coefficient < 0 or not same:
            continue
        if not any(set(one.matchers) <= set(bad.matchers) for one in same):
            missing = sorted(str(one) for one in set(same[0].matchers) - set(bad.matchers))
            yield (
                "warning",
                f"bad events of {name_of(bad)} are not all among the total: {', '.join(missing)}",
                "give both the same selectors, and the bad ones more",
            )


def same_on_both_sides(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Bad and total that are the same."""
    indicator = objective.indicator
    if isinstance(indicator, Indicator) and set(indicator.bad) == set(indicator.total):
        yield "error", "bad and total count the same: every event is bad", "narrow the bad ones"


def group_of_one(objective: Objective, facts: Facts) -> Iterator[Complaint]:
    """Groups by a label that a selector fixes."""
    for name in objective.group_by:
        fixed = [one for one in matchers_of(objective) if one.name == name and one.kind == "="]
        if fixed:
            yield (
                "warning",
                f"it is grouped by {name}, which {fixed[0]} fixes",
                "remove one of them",
            )
