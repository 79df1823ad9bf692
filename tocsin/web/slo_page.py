"""One objective: its budget and who used it, burn rates and their odds, events, alerts, groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.durations import parse_duration_ms
from collector.model.errors import TocsinError
from collector.model.samples import Float64s, Int64s, is_sample
from collector.query.values import Matrix
from dashboards.render.charts import Line, Mark, Threshold, line_chart
from dashboards.render.svg import to_svg
from slo.budget import PeriodEstimate
from slo.composite import services_of
from slo.conditions import runs_out_text
from slo.gate import gate_of
from slo.history import History
from slo.late_events import joined
from slo.verdict import TierVerdict, Verdict
from slo.window import window_text
from tocsin.web import texts
from tocsin.web.alerts_page import alert_row, worst_first
from tocsin.web.deploy_marks import deploy_marks
from tocsin.web.slo_attribution import users_of
from tocsin.web.slo_list_page import GROUPS_SHOWN
from tocsin.web.slo_parts import parts_view
from tocsin.web.slo_policy import policy_rows
from tocsin.web.slo_rows import exhaustion, left_text, slo_path, slo_row, slo_rows, urgency
from tocsin.web.tiles import Tile
from tocsin.wiring import Parts

RANGES = ("15m", "1h", "6h", "1d", "7d", "30d")
DEFAULT_RANGE = "1h"
POINTS = 240
MIN_STEP_MS = 1_000
SHOWN_BURN_WINDOWS = 4


@dataclass(frozen=True, slots=True)
class Chart:
    """A titled picture (SVG)."""

    title: str
    picture: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class TierRow:
    """One tier of the alert table."""

    severity: str
    long: str
    long_burn: str
    short: str
    short_burn: str
    factor: str
    odds: str
    state: str
    tone: str


def slo_view(parts: Parts, identity: str, range_: str) -> Mapping[str, object] | None:
    """The values of `slo.html`; None for an objective that is not known or not judged yet."""
    verdict = parts.slos.verdict(identity)
    if verdict is None:
        return None
    chosen = range_ if range_ in RANGES else DEFAULT_RANGE
    objective = verdict.objective
    verdicts = parts.slos.verdicts()
    groups = _groups(verdict, verdicts)
    return {
        "slo": slo_row(verdict),
        "description": objective.description,
        "ranges": [(name, f"{slo_path(identity)}?range={name}") for name in RANGES],
        "range": chosen,
        "tiles": _tiles(verdict),
        "charts": _charts(parts, verdict, parse_duration_ms(chosen)),
        "tiers": [_tier_row(tier) for tier in verdict.tiers],
        "alerts": [
            alert_row(view)
            for view in worst_first(parts.alerts.alerts())
            if _is_about(view.stored.alert.labels, verdict)
        ],
        "users": users_of(parts.slos, identity, parse_duration_ms(chosen), parts.clock.now_ms()),
        "groups": slo_rows(groups[:GROUPS_SHOWN]),
        "group_count": len(groups),
        "made_of": parts_view(verdict, verdicts),
        "gate": gate_of(objective.service, verdicts),
        "policy": policy_rows(objective.policy, parts.slos.policies.since_ms(objective.id)),
        "queries": objective.indicator.queries,
        "remarks": (*_late(verdict), *verdict.warnings, *objective.notes),
        "runbook": texts.link(objective.runbook_url),
    }


def _late(verdict: Verdict) -> list[str]:
    """How much of the budget's events arrived late, in a sentence."""
    if not verdict.late:
        return []
    late, gaps = joined(verdict.late), len(verdict.late)
    return [
        f"{texts.count(late.total)} of the window's events, {texts.count(late.bad)} of them bad, "
        f"arrived late: over {gaps} {'gap' if gaps == 1 else 'gaps'} "
        f"from {texts.iso(late.from_ms)} to {texts.iso(late.until_ms)}"
    ]


def _groups(verdict: Verdict, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The groups of the same objective, worst first; none when it is not grouped."""
    mine = verdict.objective
    key = (mine.service, mine.name) if mine.group else None
    found = [one for one in verdicts if (one.objective.service, one.objective.name) == key]
    return sorted(found, key=urgency)


def _is_about(labels: Mapping[str, str], verdict: Verdict) -> bool:
    objective = verdict.objective
    mine = {"service": objective.service, "slo": objective.name, **dict(objective.group)}
    return all(labels.get(name) == value for name, value in mine.items())


def _tiles(verdict: Verdict) -> list[Tile]:
    objective, budget = verdict.objective, verdict.budget
    row = slo_row(verdict)
    left = f"{texts.count(max(0.0, budget.left_events))} more may fail"
    events = f"{texts.count(budget.bad)} bad of {texts.count(budget.total)}"
    covered = f"{verdict.coverage_ratio:.0%} of the {objective.window.text} is known"
    tone = "bad" if budget.is_exhausted else "warn" if budget.left_ratio < 0.25 else "good"
    period = [] if verdict.period is None else [_period_tile(verdict.period)]
    return [
        Tile("Budget left", row.budget_left, left, tone, exact=budget.left_ratio),
        *period,
        Tile("SLI", row.sli, events),
        Tile("Objective", row.objective, f"over {objective.window.text}"),
        Tile("Burn rate, 1h", row.burn_fast, "1x spends it exactly"),
        Tile("Budget gone in", exhaustion(verdict), _gone(verdict)),
        Tile("Window", objective.window.text, covered),
    ]


def _gone(verdict: Verdict) -> str:
    """When, with an interval, where a forecast knows."""
    return runs_out_text(verdict).removeprefix("; ") or "if this goes on"


def _period_tile(period: PeriodEstimate) -> Tile:
    """What a calendar period is expected to end with."""
    left = period.left_ratio
    tone = "bad" if left <= 0 else "warn" if left < 0.25 else "good"
    ends = f"if nothing more fails; ends {texts.iso(period.ends_at_ms)}"
    return Tile("Left of the period", left_text(left), ends, tone)


def _tier_row(state: TierVerdict) -> TierRow:
    tier = state.tier
    return TierRow(
        severity=tier.severity,
        long=window_text(tier.long_ms),
        long_burn=texts.burn(state.long_rate),
        short=window_text(tier.short_ms),
        short_burn=texts.burn(state.short_rate),
        factor=texts.burn(tier.factor),
        odds=texts.odds(state.chance),
        state="fires" if state.is_burning else "quiet",
        tone=("bad" if tier.severity == "page" else "warn") if state.is_burning else "good",
    )


def _charts(parts: Parts, verdict: Verdict, span_ms: int) -> list[Chart]:
    now_ms = parts.clock.now_ms()
    step_ms = max(MIN_STEP_MS, parts.config.slos.tick, span_ms // POINTS)
    start_ms = now_ms - now_ms % step_ms - span_ms
    history = parts.slos.history(verdict.objective.id, start_ms, now_ms, step_ms)
    if history is None or not len(history.times_ms):
        return []
    services = services_of(verdict.objective, parts.slos.objectives)
    marks = [
        mark for name in services for mark in deploy_marks(parts.deploys, start_ms, now_ms, name)
    ]
    return [
        _budget_chart(history, marks),
        _burn_chart(history, verdict.tiers, marks),
        _events_chart(history, step_ms, marks),
        _anomaly_chart(parts, verdict, start_ms, now_ms, step_ms),
    ]


def _budget_chart(history: History, marks: Sequence[Mark]) -> Chart:
    line = Line("budget left", history.times_ms, history.budget_left_ratio)
    scene = line_chart(
        [line],
        "Error budget left",
        "percentunit",
        [Threshold(0.0, "spent")],
        in_view=[0.0, 1.0],
        marks=marks,
    )
    return Chart("Error budget left", to_svg(scene), "of the whole window, at each moment")


def _burn_chart(history: History, tiers: Sequence[TierVerdict], marks: Sequence[Mark]) -> Chart:
    factors = sorted({one.tier.factor for one in tiers}, reverse=True)
    windows = [*dict.fromkeys(window_text(one.tier.long_ms) for one in tiers)]
    lines = [
        Line(name, history.times_ms, history.burn_rates[name])
        for name in windows[:SHOWN_BURN_WINDOWS]
        if name in history.burn_rates
    ]
    thresholds = [Threshold(factor, f"{factor:g}x") for factor in factors]
    scene = line_chart(lines, "Burn rate", "x", thresholds, in_view=[0.0], marks=marks)
    return Chart("Burn rate by window", to_svg(scene), "dashed: the factors of the alerts")


def _events_chart(history: History, step_ms: int, marks: Sequence[Mark]) -> Chart:
    a_second = 1000 / step_ms
    lines = [
        Line("good", history.times_ms, history.good * a_second),
        Line("bad", history.times_ms, history.bad * a_second),
    ]
    scene = line_chart(lines, "Events a second", "cps", in_view=[0.0], marks=marks)
    total = (
        f"{texts.count(float(history.bad.sum()))} bad of {texts.count(float(history.total.sum()))}"
    )
    return Chart("Good and bad events", to_svg(scene), f"{total} in this range")


def _anomaly_chart(
    parts: Parts, verdict: Verdict, start_ms: int, end_ms: int, step_ms: int
) -> Chart:
    objective = verdict.objective
    query = f"max(tocsin_anomaly_score{{{objective.matching}}})"
    times, values = _asked(parts, query, start_ms, end_ms, step_ms)
    line = Line("anomaly score", times, values)
    scene = line_chart(
        [line], "Anomaly score", "short", [Threshold(0.5, "alarm")], in_view=[0.0, 1.0]
    )
    states = [s for s in parts.anomalies.states() if _is_about(s.labels, verdict)]
    note = states[0].explanation if states else "the indicator is not watched"
    return Chart("Anomaly score of the indicator", to_svg(scene), note)


def _asked(
    parts: Parts, query: str, start_ms: int, end_ms: int, step_ms: int
) -> tuple[Int64s, Float64s]:
    nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    try:
        answer = parts.engine.range(query, start_ms, end_ms, step_ms).value
    except TocsinError:
        return nothing
    if not isinstance(answer, Matrix) or not len(answer.values):
        return nothing
    values = answer.values[0]
    return answer.timestamps_ms, np.where(is_sample(values), values, np.nan)
