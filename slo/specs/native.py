"""`tocsin/v1`, our own short form -> objectives. Five lines are an SLO:

    version: tocsin/v1
    service: shop
    objective: 99.9%
    bad: http_requests_total{job="shop", code=~"5.."}
    total: http_requests_total{job="shop"}

More than one stand under `slos`; what is written beside `slos` holds for each of them.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import partial

from collector.model.yaml_document import YamlDocument
from slo.calendar_window import CalendarWindow, Unit
from slo.composite import COMBINATIONS, Combination
from slo.objective import (
    DEFAULT_ALERT_NAME,
    DEFAULT_MAX_GROUPS,
    UNCOUNTED,
    Alerting,
    NoData,
    Objective,
    Severity,
    SeverityAlerting,
    Timeslices,
)
from slo.specs.composites import composite_of
from slo.specs.fields import Fields
from slo.specs.native_indicators import EVENTS, INDICATOR_FIELDS, default_name, indicator_of
from slo.specs.percentage import percent
from slo.specs.policies import policy_of
from slo.window import DAY_MS, Window

VERSION = "tocsin/v1"
DEFAULT_WINDOW_MS = 30 * DAY_MS
_SLO = (
    "name",
    "objective",
    "window",
    "description",
    *EVENTS,
    *INDICATOR_FIELDS,
    *COMBINATIONS,
    "slices",
    "no_data",
    "group_by",
    "max_groups",
    "policy",
    "labels",
    "annotations",
    "alert",
)
_SHARED = ("version", "apiVersion", "service", "slos", *_SLO)
_INHERITED = ("window", "no_data", "group_by", "max_groups", "policy")
_CALENDAR = re.compile(r"(?:([1-9][0-9]?) )?(day|week|month|quarter|year)s?(?: in (\S+))?")
_NO_DATA: tuple[NoData, ...] = ("ignore", "good", "bad")


def read(documents: list[YamlDocument]) -> list[Objective]:
    """The objectives of documents. Raises ConfigError with the place of what is wrong."""
    return [one for document in documents for one in _of_document(document)]


def _of_document(document: YamlDocument) -> list[Objective]:
    top = Fields(document, known=_SHARED)
    if "slos" not in top:
        return [_objective(top, top)]
    for name in ("name", "objective", *EVENTS, *INDICATOR_FIELDS, *COMBINATIONS):
        if name in top:
            raise top.error(name, f"{name} stands beside slos", "write it under one of the slos")
    return [_objective(top, slo) for slo in top.items("slos", _SLO)]


def _objective(top: Fields, slo: Fields) -> Objective:
    shared = {name: slo if name in slo else top for name in _INHERITED}
    no_data = _no_data(shared["no_data"], "no_data")
    service, slices = top.text("service"), _slices(slo, no_data)
    grouping = tuple(shared["group_by"].words("group_by"))
    kind = _combination(slo)
    composite = composite_of(slo, kind, service, slices) if kind else None
    if composite and "no_data" in slo:
        raise slo.error("no_data", "a composite has the data of its parts", "write it at those")
    make = partial(
        Objective,
        service=service,
        name=slo.text("name", default_name(slo)),
        target=percent(slo, "objective"),
        window=_window(shared["window"]),
        indicator=UNCOUNTED if composite else indicator_of(slo, service, grouping),
        budgeting=None if composite else slices,
        no_data="ignore" if composite or slices else no_data,
        composite=composite,
        policy=policy_of(shared["policy"]),
        group_by=grouping,
        max_groups=shared["max_groups"].whole("max_groups", DEFAULT_MAX_GROUPS),
        description=slo.text("description", ""),
        labels={**top.texts("labels"), **slo.texts("labels")},
        annotations={**top.texts("annotations"), **slo.texts("annotations")},
        alerting=_alerting(slo),
        where=slo.where(),
    )
    return slo.made("name" if "name" in slo else "objective", make)


def _combination(slo: Fields) -> Combination | None:
    """The field that says of what other objectives this one is made; None without one."""
    chosen = [name for name in COMBINATIONS if name in slo]
    if not chosen:
        return None
    others = [name for name in (*chosen[1:], *EVENTS, *INDICATOR_FIELDS) if name in slo]
    if others:
        raise slo.error(
            others[0], f"{others[0]} stands beside {chosen[0]}", "an SLO has one indicator"
        )
    return chosen[0]


def _window(fields: Fields) -> Window | CalendarWindow:
    if "window" not in fields:
        return Window(DEFAULT_WINDOW_MS)
    found = _CALENDAR.fullmatch(fields.text("window"))
    if found is None:
        length_ms = fields.duration_ms("window")
        return fields.made("window", lambda: Window(length_ms))
    units: dict[str, Unit] = {
        "day": "day",
        "week": "week",
        "month": "month",
        "quarter": "quarter",
        "year": "year",
    }
    make = partial(CalendarWindow, units[found[2]], int(found[1] or 1), found[3] or "UTC")
    return fields.made("window", make)


def _no_data(fields: Fields, name: str) -> NoData:
    wanted = fields.text(name, "ignore")
    found = next((one for one in _NO_DATA if one == wanted), None)
    if found is None:
        raise fields.error(name, f"{wanted!r} is no policy", f"known: {', '.join(_NO_DATA)}")
    return found


def _slices(slo: Fields, no_data: NoData) -> Timeslices | None:
    """Slices without events are what `empty` says, else as it is without data."""
    if "slices" not in slo:
        return None
    fields = slo.mapping("slices", ("of", "good", "empty"))
    target = _percent_or_all(fields) if "good" in fields else None
    empty = _no_data(fields, "empty") if "empty" in fields else no_data
    slice_ms = fields.duration_ms("of")
    return fields.made("of", lambda: Timeslices(slice_ms, target, empty))


def _percent_or_all(fields: Fields) -> Fraction:
    text = fields.text("good").removesuffix("%").strip()
    return Fraction(1) if text == "100" else percent(fields, "good")


def _alerting(slo: Fields) -> Alerting:
    if "alert" not in slo:
        return Alerting()
    fields = slo.mapping("alert", ("name", "labels", "annotations", "page", "ticket"))
    return Alerting(
        name=fields.text("name", DEFAULT_ALERT_NAME),
        labels=fields.texts("labels"),
        annotations=fields.texts("annotations"),
        page=_severity(fields, "page"),
        ticket=_severity(fields, "ticket"),
    )


def _severity(alert: Fields, severity: Severity) -> SeverityAlerting:
    if severity not in alert:
        return SeverityAlerting()
    fields = alert.mapping(severity, ("disable", "labels", "annotations"))
    return SeverityAlerting(
        fields.flag("disable"), fields.texts("labels"), fields.texts("annotations")
    )
