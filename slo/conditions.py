"""Alerts of an objective that are not about its burn rate: no data, budgets that are or run low.

A condition is a name (`no-data`, `budget 10%`, `runs-out`) and lasts from when it begins to when it
ends. All are tickets. An objective that never had data has no alert: it may not be deployed yet. A
budget that is at its level again within a hundredth stays low, so that it does not begin twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from collector.model.alert import Alert, EvidenceValue
from collector.model.labels import Labels
from collector.model.samples import Bools, Float64s, Int64s
from slo.calendar_window import CalendarWindow
from slo.policy import PREFIX
from slo.verdict import Verdict, alert_labels
from slo.window import DAY_MS

NO_DATA = "no-data"
RUNS_OUT = "runs-out"
HYSTERESIS_RATIO = 0.01
_NAMES = {NO_DATA: "SLONoData", RUNS_OUT: "SLOBudgetRunsOut"}
LOW = "SLOBudgetLow"
POLICY = "SLOBudgetPolicy"


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
    summary = f"{title} {_what(verdict, condition)}"
    labels = {
        **dict(alert_labels(objective, "ticket").pairs),
        "alertname": POLICY if condition.startswith(PREFIX) else _NAMES.get(condition, LOW),
        "condition": condition,
    }
    if condition.startswith(PREFIX) and objective.owner:
        labels["owner"] = objective.owner
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
            **(_forecast(verdict) if condition == RUNS_OUT else {}),
        },
    )


def _what(verdict: Verdict, condition: str) -> str:
    left = f"{verdict.budget.left_ratio:.1%} of its error budget left"
    if condition == NO_DATA:
        return "has had no data"
    if condition == RUNS_OUT:
        return f"has {left}{runs_out_text(verdict)}"
    step = next((one for one in verdict.objective.policy if one.condition == condition), None)
    return f"has {left}" if step is None else f"has {left}: its policy {step.text}"


def runs_out_text(verdict: Verdict) -> str:
    """When the budget is gone at this rate, in words; nothing to say without a forecast."""
    found = verdict.forecast
    if found is None or found.early_ms is None:
        return ""
    early = _moment(verdict, found.early_ms)
    if found.late_ms is None:
        return f"; at this rate it may be gone from {early} on (80 %)"
    late = _moment(verdict, found.late_ms)
    return f"; at this rate it is gone between {early} and {late} (80 %)"


def _moment(verdict: Verdict, at_ms: int) -> str:
    """`Thu 14:00 UTC`; of a calendar window in its zone; with the date past six days."""
    window = verdict.objective.window
    zone = window.zone if isinstance(window, CalendarWindow) else "UTC"
    at = datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone))
    far = at_ms - verdict.at_ms > 6 * DAY_MS
    return at.strftime("%a %d %b %H:%M %Z" if far else "%a %H:%M %Z")


def _forecast(verdict: Verdict) -> dict[str, EvidenceValue]:
    found = verdict.forecast
    ends = (None,) * 3 if found is None else (found.early_ms, found.likely_ms, found.late_ms)
    return dict(zip(("gone_early_ms", "gone_likely_ms", "gone_late_ms"), ends, strict=True))
