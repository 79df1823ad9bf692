"""Leaves the metric's name where an aggregation drops it anyway (`sum by (job) (rate(x[5m]))`).

To take a name away makes other label sets, and asks whether two of them are the same now. Where all
series have one known name, and the grouping does not ask for it, neither is needed.
"""

from __future__ import annotations

from dataclasses import replace

from collector.model.labels import METRIC_NAME
from collector.query.block import METADATA_LABELS
from collector.query.functions import FUNCTIONS
from collector.query.plan import (
    AggregatePlan,
    CallPlan,
    Plan,
    SelectWindows,
    with_children,
)

_KEEPING_SERIES = frozenset(("topk", "bottomk", "limitk", "limit_ratio", "count_values"))


def project_labels(plan: Plan) -> Plan:
    """The same plan, in which functions below such aggregations keep the name."""
    plan = with_children(plan, project_labels)
    if not isinstance(plan, AggregatePlan) or not _ignores_names(plan):
        return plan
    inner = plan.inner
    if isinstance(inner, CallPlan) and _is_of_one_metric(inner):
        return replace(plan, inner=replace(inner, name_is_unused=True))
    return plan


def _ignores_names(plan: AggregatePlan) -> bool:
    return (
        not plan.without
        and plan.operator not in _KEEPING_SERIES
        and not set(plan.grouping) & set(METADATA_LABELS)
    )


def _is_of_one_metric(plan: CallPlan) -> bool:
    return FUNCTIONS[plan.name].family == "window" and any(
        matcher.name == METRIC_NAME and matcher.kind == "="
        for arg in plan.args
        if isinstance(arg, SelectWindows)
        for matcher in arg.matchers
    )
