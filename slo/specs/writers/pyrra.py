"""Objectives -> Pyrra's `pyrra.dev/v1alpha1`: a resource for each.

Pyrra counts one plain selector on each side, over a window that rolls.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from slo.calendar_window import CalendarWindow
from slo.indicators.latency import at_bound
from slo.indicators.native_latency import threshold_of
from slo.objective import (
    DEFAULT_ALERT_NAME,
    DEFAULT_MAX_GROUPS,
    Alerting,
    CounterTerm,
    Indicator,
    Objective,
    SeverityAlerting,
)
from slo.specs.writers.interface import (
    Document,
    Written,
    is_sampled,
    limit_text,
    percent_text,
    selector_of,
    uncarried,
)
from slo.window import MINUTE_MS, window_text

_PREFIX = "pyrra.dev/"
_KUBERNETES_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def write(objectives: Sequence[Objective]) -> Written:
    """The resources, and what Pyrra has no field for."""
    documents: list[Document] = []
    lost: list[str] = []
    for one in objectives:
        indicator = _indicator(one)
        if indicator is None:
            lost.append(f"{one.id}: left out; Pyrra has one plain counter of errors and of all")
            continue
        documents.append(_document(one, indicator))
        lost += [f"{one.id}: {what}" for what in _unsaid(one)]
    return Written(tuple(documents), tuple(lost))


def _document(one: Objective, indicator: Document) -> Document:
    metadata: Document = {"name": one.name, "namespace": one.service}
    for kind, texts in (("labels", one.labels), ("annotations", one.annotations)):
        if texts:
            metadata[kind] = {_PREFIX + name: value for name, value in texts.items()}
    spec: Document = {
        "target": percent_text(one),
        "window": window_text(one.window.duration_ms),
        "indicator": indicator,
    }
    if one.description:
        spec["description"] = one.description
    alerting = _alerting(one)
    if alerting:
        spec["alerting"] = alerting
    return {
        "apiVersion": "pyrra.dev/v1alpha1",
        "kind": "ServiceLevelObjective",
        "metadata": metadata,
        "spec": spec,
    }


def _indicator(one: Objective) -> Document | None:
    sampled = is_sampled(one)
    if sampled:
        is_up = (sampled.operator, sampled.threshold) == ("gte", 1.0)
        return {"bool_gauge": {"metric": sampled.query}} if is_up else None
    assert isinstance(one.indicator, Indicator)  # noqa: S101 # there are two kinds
    sides = _native(one.indicator) or _counted(one.indicator)
    if sides is None:
        return None
    ((kind, fields),) = sides.items()
    grouping: Document = {"grouping": list(one.group_by)} if one.group_by else {}
    return {kind: {**fields, **grouping}}


def _native(indicator: Indicator) -> dict[str, Document] | None:
    limit = threshold_of(indicator)
    if limit is None:
        return None
    total = {"metric": dict(indicator.queries)["total"]}
    return {"latencyNative": {"latency": limit_text(limit), "total": total}}


def _counted(indicator: Indicator) -> dict[str, Document] | None:
    if len(indicator.total) != 1 or indicator.total[0].coefficient != 1:
        return None
    total = indicator.total[0]
    if len(indicator.bad) == 1 and indicator.bad[0].coefficient == 1:
        return {"ratio": {"errors": _metric(indicator.bad[0]), "total": _metric(total)}}
    good = [term for term in indicator.bad if term != total]
    is_difference = len(indicator.bad) == 2 and len(good) == 1 and good[0].coefficient == -1
    if is_difference and any(one.name == "le" for one in at_bound(good[0]).matchers):
        return {"latency": {"success": _metric(good[0]), "total": _metric(total)}}
    return None


def _metric(term: CounterTerm) -> Document:
    return {"metric": selector_of(at_bound(term))}


def _alerting(one: Objective) -> Document:
    found: Document = {}
    if one.alerting.name != DEFAULT_ALERT_NAME:
        found["name"] = one.alerting.name
    if one.alerting.page.disabled and one.alerting.ticket.disabled:
        found["disabled"] = True
    for kind, texts in (("labels", one.alerting.labels), ("annotations", one.alerting.annotations)):
        if texts:
            found[kind] = dict(texts)
    return found


def _unsaid(one: Objective) -> list[str]:
    found = uncarried(one)
    if isinstance(one.window, CalendarWindow):
        found.append(f"its window, {one.window.phrase}: Pyrra's roll")
    if one.budgeting:
        found.append("slices of time: Pyrra counts events")
    if one.max_groups != DEFAULT_MAX_GROUPS:
        found.append(f"max_groups {one.max_groups}")
    sampled = is_sampled(one)
    if sampled and sampled.every_ms != MINUTE_MS:
        found.append(f"it is looked at every {sampled.every_ms} ms")
    if not all(_KUBERNETES_NAME.fullmatch(name) for name in (one.name, one.service)):
        found.append("its name is none that Kubernetes takes")
    return found + _unsaid_alerting(one.alerting)


def _unsaid_alerting(alerting: Alerting) -> list[str]:
    page, ticket = alerting.page, alerting.ticket
    found = []
    if page.disabled != ticket.disabled:
        found.append(f"{'page' if page.disabled else 'ticket'} is disabled: Pyrra disables both")
    if any(one != SeverityAlerting(one.disabled) for one in (page, ticket)):
        found.append("labels and annotations of one severity")
    return found
