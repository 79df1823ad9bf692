"""Objectives -> `tocsin/v1`, which can say all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from collector.model.matchers import Matcher
from collector.model.record_rule import RecordRule
from slo.calendar_window import CalendarWindow
from slo.composite import Composite
from slo.indicators.latency import without_suffix
from slo.indicators.native_latency import threshold_of
from slo.objective import (
    DEFAULT_ALERT_NAME,
    DEFAULT_MAX_GROUPS,
    Indicator,
    Objective,
    SeverityAlerting,
    Timeslices,
)
from slo.policy import PolicyStep
from slo.specs.writers.interface import (
    Document,
    Written,
    complement,
    events_of,
    is_sampled,
    limit_text,
    percent_text,
    selector_of,
)

_SIGNS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


def write(objectives: Sequence[Objective]) -> Written:
    """One document for each objective."""
    lost: list[str] = []
    documents = [_document(one, lost) for one in objectives]
    lost += [
        f"{one.id}: periods that begin at {one.window.anchor}: ours begin with the calendar's"
        for one in objectives
        if isinstance(one.window, CalendarWindow) and not one.window.begins_with_its_unit
    ]
    return Written(tuple(documents), tuple(lost))


def _document(one: Objective, lost: list[str]) -> Document:
    document: Document = {
        "version": "tocsin/v1",
        "service": one.service,
        "name": one.name,
        "objective": f"{percent_text(one)}%",
        "window": _window(one),
        **_indicator(one, lost),
    }
    slices = one.composite.slices if one.composite else one.budgeting
    if slices:
        document["slices"] = _slices(slices)
    if one.no_data != "ignore":
        document["no_data"] = one.no_data
    if one.group_by:
        document |= {"group_by": list(one.group_by)}
        if one.max_groups != DEFAULT_MAX_GROUPS:
            document["max_groups"] = one.max_groups
    for name, value in (
        ("description", one.description),
        ("labels", dict(one.labels)),
        ("annotations", dict(one.annotations)),
        ("policy", [_step(step) for step in one.policy]),
        ("alert", _alert(one)),
    ):
        if value:
            document[name] = value
    return document


def _window(one: Objective) -> str:
    if not isinstance(one.window, CalendarWindow):
        return one.window.text
    zone = "" if one.window.zone == "UTC" else f" in {one.window.zone}"
    return f"{one.window.text}{zone}"


def _indicator(one: Objective, lost: list[str]) -> Document:
    if one.composite:
        return _composite(one.composite)
    sampled = is_sampled(one)
    if sampled:
        look: Document = {"query": sampled.query, "every": f"{sampled.every_ms}ms"}
        if sampled.operator in _SIGNS:
            look["good_when"] = f"{_SIGNS[sampled.operator]} {sampled.threshold:.17g}"
        elif sampled.operator == "success":
            look["good_share"] = True
        else:
            look |= {"query": complement(sampled.query), "good_share": True}
        return {"look_at": look}
    assert isinstance(one.indicator, Indicator)  # noqa: S101 # there are two kinds
    limit = one.indicator.bad[-1].under
    if one.indicator.kind == "latency" and limit is not None:
        total = one.indicator.total[0]
        base = replace(total, matchers=without_suffix(total.matchers, "_count"))
        return {"latency": {"histogram": selector_of(base), "under": limit_text(limit)}}
    native = threshold_of(one.indicator)
    if native is not None:
        histogram = dict(one.indicator.queries)["total"]
        return {"latency": {"histogram": histogram, "under": limit_text(native), "native": True}}
    if one.indicator.rule is not None:
        return _records(one.indicator.rule)
    events = events_of(one.indicator, "{}")
    if events is None:
        lost.append(f"{one.id}: fractions of counters can't be written")
        return {"total": selector_of(one.indicator.total[0])}
    return dict(events)


def _records(rule: RecordRule) -> Document:
    found: Document = {"where": _conditions(rule.where)}
    if rule.bad:
        found["bad"] = _conditions(rule.bad)
    if rule.slower_than_ms is not None:
        found["slower_than"] = limit_text(rule.slower_than_ms / 1000)
    return {rule.kind: found}


def _conditions(matchers: Sequence[Matcher]) -> Document:
    return {
        one.name: one.value
        if one.kind == "=" and one.value[:1] not in "=!>"
        else one.kind + one.value
        for one in matchers
    }


def _composite(one: Composite) -> Document:
    if any(part.weight != 1 for part in one.parts):
        return {one.combination: {part.id: part.weight for part in one.parts}}
    return {one.combination: [part.id for part in one.parts]}


def _slices(slices: Timeslices) -> Document:
    written: Document = {"of": f"{slices.slice_ms}ms"}
    if slices.target is not None:
        written["good"] = f"{float(slices.target * 100):.12g}%"
    if slices.empty != "ignore":
        written["empty"] = slices.empty
    return written


def _step(step: PolicyStep) -> Document:
    written: Document = {"left": step.percent}
    for name in ("notify", "freeze"):
        if getattr(step, name):
            written[name] = True
    return {**written, "webhook": step.webhook} if step.webhook else written


def _alert(one: Objective) -> Document:
    alerting = one.alerting
    found: Document = {}
    if alerting.name != DEFAULT_ALERT_NAME:
        found["name"] = alerting.name
    for name, value in (
        ("labels", dict(alerting.labels)),
        ("annotations", dict(alerting.annotations)),
        ("page", _severity(alerting.page)),
        ("ticket", _severity(alerting.ticket)),
    ):
        if value:
            found[name] = value
    return found


def _severity(severity: SeverityAlerting) -> Document:
    found: Document = {"disable": True} if severity.disabled else {}
    if severity.labels:
        found["labels"] = dict(severity.labels)
    if severity.annotations:
        found["annotations"] = dict(severity.annotations)
    return found
