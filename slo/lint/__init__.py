"""`RULES`: what is probably wrong with an objective, though it can be read; a function each.

A rule takes an objective and the facts that are known and yields complaints. Without a store only
what the specification itself shows is found; with one, also what its series show.
"""

from __future__ import annotations

from collections.abc import Iterable

from slo.lint import by_spec, by_store
from slo.lint.interface import Facts, Finding, Rule
from slo.objective import Objective

RULES: dict[str, Rule] = {
    "dead-tier": by_spec.dead_tiers,
    "short-window": by_spec.short_windows,
    "tier-past-window": by_spec.tiers_longer_than_the_budget,
    "percentage": by_spec.percentage_or_ratio,
    "nobody-told": by_spec.nobody_is_told,
    "slices": by_spec.budget_below_one_slice,
    "rarely-looked-at": by_spec.looked_at_too_rarely,
    "raw-ratio": by_spec.raw_ratio,
    "retention": by_spec.window_past_retention,
    "not-a-counter": by_store.not_a_counter,
    "bucket": by_spec.bucket_without_bound,
    "pattern-with-equals": by_spec.pattern_with_equals,
    "errors-outside-total": by_spec.errors_outside_of_total,
    "same-on-both-sides": by_spec.same_on_both_sides,
    "group-of-one": by_spec.group_of_one,
    "falls": by_store.falls,
    "matches-nothing": by_store.matches_nothing,
    "cardinality": by_store.too_many_series,
    "good-bucket": by_store.good_bucket_missing,
    "between-buckets": by_store.between_buckets,
    "more-errors-than-events": by_store.more_errors_than_events,
    "budget-below-one-event": by_store.budget_below_one_event,
}


def findings(objectives: Iterable[Objective], facts: Facts) -> list[Finding]:
    """What the rules find, objective by objective; twins are found among all of them."""
    found: list[Finding] = []
    first: dict[object, Objective] = {}
    for one in objectives:
        for rule, find in RULES.items():
            found += [
                Finding(rule, level, one.id, message, advice, one.where)
                for level, message, advice in find(one, facts)
            ]
        twin = first.setdefault((one.indicator, one.target, one.window, one.group), one)
        if twin is not one:
            found.append(
                Finding(
                    "twin",
                    "warning",
                    one.id,
                    f"it says the same as {twin.id}",
                    "remove one: both would alert for each incident",
                    one.where,
                )
            )
    return found
