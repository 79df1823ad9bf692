"""Objectives -> OpenSLO v1: one SLO with one objective each."""

from __future__ import annotations

from collections.abc import Sequence

from slo.calendar_window import CalendarWindow
from slo.objective import Alerting, Indicator, Objective
from slo.specs.writers.interface import (
    Document,
    Written,
    events_of,
    is_sampled,
    uncarried,
)

_UNITS = {"day": "d", "week": "w", "month": "M", "quarter": "Q", "year": "Y"}


def write(objectives: Sequence[Objective]) -> Written:
    """The documents, and what OpenSLO has no field for."""
    documents: list[Document] = []
    lost: list[str] = []
    for one in objectives:
        source = _indicator(one)
        if source is None:
            lost.append(f"{one.id}: left out; its counters have fractions")
            continue
        documents.append(_document(one, source))
        lost += [f"{one.id}: {what}" for what in _unsaid(one)]
    return Written(tuple(documents), tuple(lost))


def _document(one: Objective, source: Document) -> Document:
    metadata: Document = {"name": one.name}
    if one.labels:
        metadata["labels"] = dict(one.labels)
    if one.annotations:
        metadata["annotations"] = dict(one.annotations)
    spec: Document = {
        "description": one.description,
        "service": one.service,
        "indicator": {"metadata": {"name": one.name}, "spec": source},
        "timeWindow": [_window(one)],
        "budgetingMethod": _method(one),
        "objectives": [_objective(one)],
    }
    return {"apiVersion": "openslo/v1", "kind": "SLO", "metadata": metadata, "spec": spec}


def _window(one: Objective) -> Document:
    window = one.window
    if not isinstance(window, CalendarWindow):
        return {"duration": window.text, "isRolling": True}
    calendar = {"startTime": f"{window.anchor:%Y-%m-%d %H:%M:%S}", "timeZone": window.zone}
    duration = f"{window.count}{_UNITS[window.unit]}"
    return {"duration": duration, "isRolling": False, "calendar": calendar}


def _method(one: Objective) -> str:
    if one.budgeting is None:
        return "Occurrences"
    return "RatioTimeslices" if one.budgeting.target is None else "Timeslices"


def _objective(one: Objective) -> Document:
    found: Document = {"target": float(one.target)}
    sampled = is_sampled(one)
    if sampled and sampled.operator not in ("success", "failure"):
        found |= {"op": sampled.operator, "value": sampled.threshold}
    if one.budgeting:
        found["timeSliceWindow"] = f"{one.budgeting.slice_ms}ms"
        if one.budgeting.target is not None:
            found["timeSliceTarget"] = float(one.budgeting.target)
    return found


def _indicator(one: Objective) -> Document | None:
    sampled = is_sampled(one)
    if sampled and sampled.operator in ("success", "failure"):
        return {"ratioMetric": {"rawType": sampled.operator, "raw": _metric(sampled.query)}}
    if sampled:
        return {"thresholdMetric": _metric(sampled.query)}
    assert isinstance(one.indicator, Indicator)  # noqa: S101 # there are two kinds
    events = events_of(one.indicator, "sum({})")
    if events is None:
        return None
    sides = {side: _metric(query) for side, query in events.items()}
    return {"ratioMetric": {"counter": True, **sides}}


def _metric(query: str) -> Document:
    return {"metricSource": {"type": "Prometheus", "spec": {"query": query}}}


def _unsaid(one: Objective) -> list[str]:
    found = uncarried(one)
    if one.group_by:
        found.append(f"group_by {', '.join(one.group_by)}: OpenSLO keeps one budget")
    if one.alerting != Alerting():
        found.append("alert names, labels and annotations: OpenSLO's policies have none")
    if one.budgeting and one.budgeting.empty != "ignore":
        found.append(f"empty slices are {one.budgeting.empty}")
    sampled = is_sampled(one)
    every_ms = one.budgeting.slice_ms if one.budgeting else 60_000
    if sampled and sampled.every_ms != every_ms:
        found.append(f"it is looked at every {sampled.every_ms} ms")
    return found
