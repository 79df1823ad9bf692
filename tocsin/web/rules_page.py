"""Rule groups as Prometheus's page shows them: what each rule asks, how it went, what it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collector.model.durations import format_duration
from collector.query.float_text import json_number
from collector.rules.state import (
    NEVER_MS,
    ActiveAlert,
    AlertingRuleState,
    GroupState,
    RuleState,
)
from tocsin.web import texts
from tocsin.web.query_form import QueryForm

RULES_SHOWN = 500
"""Rules on one page; the states above the list lead to those that matter."""
ALERTS_SHOWN = 50
"""Alerts of one rule; an alert for each pod can be thousands."""
STATES = ("firing", "pending", "error", "inactive", "recording", "unknown")
TONES = {"firing": "bad", "pending": "warn", "error": "bad", "inactive": "good"}


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One pending or firing alert of a rule."""

    labels: str
    annotations: str
    state: str
    tone: str
    since_ms: int
    value: str


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule; `more` alerts are not in `alerts`."""

    name: str
    state: str
    tone: str
    query: str
    href: str
    settings: Sequence[tuple[str, str]]
    error: str
    at_ms: int
    took: str
    alerts: Sequence[AlertRow]
    more: int


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group with those of its rules that are shown; `anchor` names its place on the page."""

    name: str
    file: str
    anchor: str
    interval: str
    at_ms: int
    took: str
    rules: Sequence[RuleRow]


def rules_view(groups: Sequence[GroupState], state: str) -> Mapping[str, object]:
    """The values of `rules.html`; `state` is one of STATES, or anything else for all."""
    chosen = state if state in STATES else ""
    counts = Counter(state_of(rule) for group in groups for rule in group.rules)
    total = counts[chosen] if chosen else sum(counts.values())
    return {
        "groups": _shown(groups, chosen),
        "states": [(name, counts[name], f"/rules?state={name}") for name in STATES if counts[name]],
        "state": chosen,
        "total": total,
        "group_count": len(groups),
        "more": max(0, total - RULES_SHOWN),
    }


def state_of(rule: RuleState) -> str:
    """A rule that fails is an error whatever it found before."""
    if rule.evaluation.health == "err":
        return "error"
    if isinstance(rule, AlertingRuleState):
        return rule.state if rule.evaluation.health == "ok" or rule.alerts else "unknown"
    return "recording"


def _shown(groups: Sequence[GroupState], chosen: str) -> list[GroupRow]:
    rows: list[GroupRow] = []
    left = RULES_SHOWN
    for number, group in enumerate(groups):
        wanted = [rule for rule in group.rules if chosen in ("", state_of(rule))][:left]
        if wanted:
            left -= len(wanted)
            rows.append(_group_row(group, number, wanted))
    return rows


def _group_row(group: GroupState, number: int, rules: Sequence[RuleState]) -> GroupRow:
    return GroupRow(
        name=group.name,
        file=group.file,
        anchor=f"group-{number}",
        interval=format_duration(round(group.interval_seconds * 1000)),
        at_ms=_known(group.last_evaluation_ms),
        took=texts.span(group.evaluation_seconds),
        rules=[_rule_row(rule) for rule in rules],
    )


def _rule_row(rule: RuleState) -> RuleRow:
    state = state_of(rule)
    alerts = rule.alerts if isinstance(rule, AlertingRuleState) else ()
    last = rule.evaluation
    return RuleRow(
        name=rule.name,
        state=state,
        tone=TONES.get(state, ""),
        query=rule.query,
        href=QueryForm(rule.query, "table").href,
        settings=_settings(rule),
        error=last.last_error,
        at_ms=_known(last.at_ms),
        took=texts.span(last.took_seconds) if _known(last.at_ms) else texts.NOTHING,
        alerts=[_alert_row(one) for one in _firing_first(alerts)[:ALERTS_SHOWN]],
        more=max(0, len(alerts) - ALERTS_SHOWN),
    )


def _settings(rule: RuleState) -> list[tuple[str, str]]:
    """What a rule has beside its expression, as its file names it."""
    found = []
    if isinstance(rule, AlertingRuleState):
        if rule.duration_seconds:
            found.append(("for", format_duration(round(rule.duration_seconds * 1000))))
        if rule.keep_firing_for_seconds:
            kept = format_duration(round(rule.keep_firing_for_seconds * 1000))
            found.append(("keep_firing_for", kept))
    found += [(f"label {name}", value) for name, value in rule.labels.pairs]
    if isinstance(rule, AlertingRuleState):
        found += sorted(rule.annotations.items())
    return found


def _firing_first(alerts: Sequence[ActiveAlert]) -> list[ActiveAlert]:
    return sorted(alerts, key=lambda one: (one.state != "firing", one.active_at_ms))


def _alert_row(alert: ActiveAlert) -> AlertRow:
    kept = alert.keep_firing_since_ms is not None
    annotations = alert.annotations
    return AlertRow(
        labels=str(alert.labels),
        annotations=annotations.get("summary") or annotations.get("description", ""),
        state="firing, kept" if kept else alert.state,
        tone=TONES[alert.state],
        since_ms=alert.active_at_ms,
        value=json_number(alert.value),
    )


def _known(ms: int) -> int:
    """0, which pages show as never, for an evaluation that has not been."""
    return 0 if ms == NEVER_MS else ms
