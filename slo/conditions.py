"""Alerts of an objective that are not about its burn rate: no data, and budgets that run low.

A condition is a name (`no-data`, `budget 10%`) and lasts from when it begins to when it ends. Both
are tickets. An objective that never had data has no alert: it may not be deployed yet. A budget
that is at its level again within a hundredth stays low, so that it does not begin twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from collector.model.alert import Alert
from collector.model.labels import Labels
from collector.model.samples import Bools, Float64s, Int64s
from slo.verdict import Verdict, alert_labels

NO_DATA = "no-data"
HYSTERESIS_RATIO = 0.01
_NAMES = {NO_DATA: "SLONoData"}
LOW = "SLOBudgetLow"


def level_name(level_ratio: float) -> str:
    """`budget 10%`: the condition that so much or less of the budget is left."""
    return f"budget {level_ratio * 100:g}%"


def conditions_now(
    has_data: Bools,
    since_ms: Int64s,
    left_ratio: Float64s,
    levels: Sequence[float],
    before: Mapping[str, Bools],
) -> dict[str, Bools]:
    """Which objectives each condition is true of (bool[n]); `before` are those of the last tick.

    `since_ms` is when each objective's data began, -1 for never; `left_ratio` of its budget.
    """
    known = since_ms >= 0
    found: dict[str, Bools] = {NO_DATA: known & ~has_data}
    for level in levels:
        name = level_name(level)
        former = before.get(name, np.zeros_like(known))
        limit = np.where(former, level + HYSTERESIS_RATIO, level)
        found[name] = known & (left_ratio <= limit)
    return found


def condition_alert(
    verdict: Verdict, condition: str, starts_at_ms: int, ends_at_ms: int | None = None
) -> Alert:
    """The alert of one condition of an objective, firing or (with `ends_at_ms`) over."""
    objective, left = verdict.objective, verdict.budget.left_ratio
    title = f"{objective.service} {objective.title}"
    summary = (
        f"{title} has had no data"
        if condition == NO_DATA
        else f"{title} has {left:.1%} of its error budget left"
    )
    labels = {
        **dict(alert_labels(objective, "ticket").pairs),
        "alertname": _NAMES.get(condition, LOW),
        "condition": condition,
    }
    return Alert(
        labels=Labels(labels),
        annotations={
            "summary": summary,
            **{k: v for k, v in objective.annotations.items() if k != "description"},
            **objective.alerting.annotations,
        },
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        evidence={
            "slo": objective.title,
            "service": objective.service,
            "severity": "ticket",
            "budget_left_ratio": left,
            "window": objective.window.text,
            "runbook_url": objective.runbook_url,
        },
    )
