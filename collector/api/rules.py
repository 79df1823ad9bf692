"""`rules`, `alerts`, `alertmanagers`: what is judged by rules, and who is told.

Source: web/api/v1/api.go of Prometheus 3.14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from collector.api import envelope
from collector.api.go_texts import rfc3339, scientific
from collector.api.parameters import Parameters, invalid, parameters
from collector.api.rule_pages import from_token, group_limit, token_of
from collector.model.labels import Labels
from collector.model.matchers import Matcher, matches_all
from collector.rules.state import (
    ActiveAlert,
    AlertingRuleState,
    GroupState,
    RecordingRuleState,
    RuleState,
    RuleStates,
    active_alerts,
)

Json = dict[str, object]
_TYPES = {"": ("alerting", "recording"), "alert": ("alerting",), "record": ("recording",)}
_Given = Annotated[Parameters, Depends(parameters)]


def router(states: RuleStates, alertmanagers: Sequence[str]) -> APIRouter:
    """The routes; `alertmanagers` are the URLs that alerts are sent to."""
    routes = _Routes(states, alertmanagers)
    api = envelope.api_router()
    envelope.add_routes(
        api,
        {
            "/rules": (routes.rules, "GET"),
            "/alerts": (routes.alerts, "GET"),
            "/alertmanagers": (routes.alertmanagers, "GET"),
        },
    )
    return api


class _Routes:
    def __init__(self, states: RuleStates, alertmanagers: Sequence[str]) -> None:
        self._states = states
        self._alertmanagers = alertmanagers

    def rules(self, given: _Given) -> Response:
        """Groups with their rules, as far as the filters leave any."""
        selectors = given.selectors()
        types = _TYPES.get(given.text("type").lower())
        if types is None:
            raise invalid("type", f'not supported value "{given.text("type").lower()}"')
        with_alerts = not given.flag("exclude_alerts")
        limit = group_limit(given)
        kept = [
            group
            for whole in from_token(self._states.groups(), given)
            if (group := _filtered(whole, given, types, selectors)).rules
        ]
        shown = kept[:limit] if limit else kept
        data: Json = {"groups": [_group(one, with_alerts) for one in shown]}
        if len(shown) < len(kept):
            data["groupNextToken"] = token_of(kept[len(shown)])
        return envelope.answer(data)

    def alerts(self) -> Response:
        """Every pending or firing alert."""
        found = active_alerts(tuple(self._states.groups()))
        return envelope.answer({"alerts": [_alert(one) for one in found]})

    def alertmanagers(self) -> Response:
        """Where alerts go."""
        active = [{"url": url} for url in self._alertmanagers]
        return envelope.answer({"activeAlertmanagers": active, "droppedAlertmanagers": []})


def _filtered(
    group: GroupState,
    given: Parameters,
    types: Sequence[str],
    selectors: Sequence[Sequence[Matcher]],
) -> GroupState:
    """The group with those of its rules that every filter lets through."""
    is_wanted = _is_among(given, "rule_group[]", group.name) and _is_among(
        given, "file[]", group.file
    )
    rules = [
        rule
        for rule in group.rules
        if is_wanted
        and rule.type in types
        and _is_among(given, "rule_name[]", rule.name)
        and _satisfies(rule, selectors)
    ]
    return replace(group, rules=tuple(rules))


def _is_among(given: Parameters, name: str, value: str) -> bool:
    wanted = given.texts(name)
    return not wanted or value in wanted


def _satisfies(rule: RuleState, selectors: Sequence[Sequence[Matcher]]) -> bool:
    """A label whose value is a template has no value yet that a matcher could look at."""
    plain = Labels(pair for pair in rule.labels.pairs if "{{" not in pair[1])
    return not selectors or any(matches_all(matchers, plain) for matchers in selectors)


def _group(group: GroupState, with_alerts: bool) -> Json:
    return {
        "name": group.name,
        "file": group.file,
        "rules": [_rule(rule, with_alerts) for rule in group.rules],
        "interval": _seconds(group.interval_seconds),
        "limit": group.limit,
        "evaluationTime": group.evaluation_seconds,
        "lastEvaluation": rfc3339(group.last_evaluation_ms),
    }


def _rule(rule: RuleState, with_alerts: bool) -> Json:
    match rule:
        case AlertingRuleState():
            return _alerting(rule, with_alerts)
        case RecordingRuleState():
            named: Json = {"name": rule.name, "query": rule.query, "labels": dict(rule.labels)}
            return {**named, **_evaluation(rule), "type": rule.type}


def _alerting(rule: AlertingRuleState, with_alerts: bool) -> Json:
    return {
        "state": rule.state,
        "name": rule.name,
        "query": rule.query,
        "duration": _seconds(rule.duration_seconds),
        "keepFiringFor": _seconds(rule.keep_firing_for_seconds),
        "labels": dict(rule.labels),
        "annotations": dict(rule.annotations),
        "alerts": [_alert(one) for one in rule.alerts] if with_alerts else [],
        **_evaluation(rule),
        "type": rule.type,
    }


def _evaluation(rule: RuleState) -> Json:
    last = rule.evaluation
    return {
        "health": last.health,
        **({"lastError": last.last_error} if last.last_error else {}),
        "evaluationTime": last.took_seconds,
        "lastEvaluation": rfc3339(last.at_ms),
    }


def _alert(alert: ActiveAlert) -> Json:
    kept = alert.keep_firing_since_ms
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": alert.state,
        "activeAt": rfc3339(alert.active_at_ms),
        **({"keepFiringSince": rfc3339(kept)} if kept is not None else {}),
        "value": scientific(alert.value),
    }


def _seconds(seconds: float) -> float | int:
    """Whole numbers without `.0`, as Go writes floats in JSON."""
    return int(seconds) if seconds == int(seconds) else seconds
