"""Objectives -> Sloth's `prometheus/v1`: a document for each service."""

from __future__ import annotations

from collections.abc import Sequence

from slo.objective import Indicator, Objective, SeverityAlerting
from slo.specs.writers.interface import (
    Document,
    Written,
    complement,
    events_of,
    is_sampled,
    uncarried,
)
from slo.window import DAY_MS, Window

_DEFAULT_WINDOW = Window(30 * DAY_MS)


def write(objectives: Sequence[Objective]) -> Written:
    """The documents, and what Sloth has no field for."""
    services: dict[str, list[object]] = {}
    lost: list[str] = []
    for one in objectives:
        sli = _sli(one)
        if sli is None:
            lost.append(f"{one.id}: left out; Sloth counts whole counters, or one ratio")
            continue
        services.setdefault(one.service, []).append(_slo(one, sli))
        lost += [f"{one.id}: {what}" for what in _unsaid(one)]
    documents: list[Document] = [
        {"version": "prometheus/v1", "service": service, "slos": slos}
        for service, slos in services.items()
    ]
    return Written(tuple(documents), tuple(lost))


def _slo(one: Objective, sli: Document) -> Document:
    alerting: Document = {
        "name": one.alerting.name,
        "labels": dict(one.alerting.labels),
        "annotations": {**one.annotations, **one.alerting.annotations},
        "page_alert": _severity(one.alerting.page),
        "ticket_alert": _severity(one.alerting.ticket),
    }
    return {
        "name": one.name,
        "objective": float(one.target * 100),
        "description": one.description,
        "labels": dict(one.labels),
        "sli": sli,
        "alerting": alerting,
    }


def _severity(severity: SeverityAlerting) -> Document:
    labels = {name: value for name, value in severity.labels.items() if name != "sloth_severity"}
    annotations = dict(severity.annotations)
    return {"disable": severity.disabled, "labels": labels, "annotations": annotations}


def _sli(one: Objective) -> Document | None:
    sampled = is_sampled(one)
    if sampled:
        if sampled.operator not in ("success", "failure"):
            return None
        query = sampled.query if sampled.operator == "failure" else complement(sampled.query)
        return {"raw": {"error_ratio_query": query}}
    assert isinstance(one.indicator, Indicator)  # noqa: S101 # there are two kinds
    events = events_of(one.indicator, "sum(rate({}[{{{{.window}}}}]))")
    if events is None:
        return None
    return {"events": {"error_query": events["bad"], "total_query": events["total"]}}


def _unsaid(one: Objective) -> list[str]:
    found = uncarried(one)
    if one.window != _DEFAULT_WINDOW:
        found.append(f"its window, {one.window.phrase}: a setting of Sloth's process")
    if one.group_by:
        found.append(f"group_by {', '.join(one.group_by)}")
    if one.budgeting:
        found.append("slices of time: Sloth counts events")
    return found
