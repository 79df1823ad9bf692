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
from collections.abc import Callable
from fractions import Fraction
from functools import partial

from collector.model.errors import ConfigError
from collector.model.yaml_document import YamlDocument
from slo.calendar_window import CalendarWindow, Unit
from slo.composite import COMBINATIONS, Combination
from slo.indicators.counters import counter_terms
from slo.indicators.latency import latency
from slo.indicators.ratio import ratio
from slo.indicators.sampled import sampled
from slo.objective import (
    DEFAULT_ALERT_NAME,
    DEFAULT_MAX_GROUPS,
    UNCOUNTED,
    Alerting,
    Comparison,
    EmptySlice,
    Indicator,
    Objective,
    SampledIndicator,
    Severity,
    SeverityAlerting,
    Timeslices,
)
from slo.specs.composites import composite_of
from slo.specs.fields import Fields
from slo.window import DAY_MS, MINUTE_MS, Window

VERSION = "tocsin/v1"
DEFAULT_WINDOW_MS = 30 * DAY_MS
_EVENTS = ("good", "bad", "total")
_SLO = (
    "name",
    "objective",
    "window",
    "description",
    *_EVENTS,
    "latency",
    "look_at",
    *COMBINATIONS,
    "slices",
    "group_by",
    "max_groups",
    "labels",
    "annotations",
    "alert",
)
_SHARED = ("version", "apiVersion", "service", "slos", *_SLO)
_INHERITED = ("window", "group_by", "max_groups")
_CALENDAR = re.compile(r"(?:([1-9][0-9]?) )?(day|week|month|quarter|year)s?(?: in (\S+))?")
_LOOK = re.compile(r"\s*(<=|>=|<|>)\s*(\S+)\s*")
_OPERATORS: dict[str, Comparison] = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
_EMPTY: tuple[EmptySlice, ...] = ("ignore", "good", "bad")


def read(documents: list[YamlDocument]) -> list[Objective]:
    """The objectives of documents. Raises ConfigError with the place of what is wrong."""
    return [one for document in documents for one in _of_document(document)]


def _of_document(document: YamlDocument) -> list[Objective]:
    top = Fields(document, known=_SHARED)
    if "slos" not in top:
        return [_objective(top, top)]
    for name in ("name", "objective", *_EVENTS, "latency", "look_at", *COMBINATIONS):
        if name in top:
            raise top.error(name, f"{name} stands beside slos", "write it under one of the slos")
    return [_objective(top, slo) for slo in top.items("slos", _SLO)]


def _objective(top: Fields, slo: Fields) -> Objective:
    shared = {name: slo if name in slo else top for name in _INHERITED}
    service, slices = top.text("service"), _slices(slo)
    kind = _combination(slo)
    composite = composite_of(slo, kind, service, slices) if kind else None
    make = partial(
        Objective,
        service=service,
        name=slo.text("name", _default_name(slo)),
        target=percent(slo, "objective"),
        window=_window(shared["window"]),
        indicator=UNCOUNTED if composite else _indicator(slo),
        budgeting=None if composite else slices,
        composite=composite,
        group_by=tuple(shared["group_by"].words("group_by")),
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
    others = [name for name in (*chosen[1:], *_EVENTS, "latency", "look_at") if name in slo]
    if others:
        raise slo.error(
            others[0], f"{others[0]} stands beside {chosen[0]}", "an SLO has one indicator"
        )
    return chosen[0]


def _default_name(slo: Fields) -> str:
    return "latency" if "latency" in slo else "availability"


def percent(fields: Fields, name: str) -> Fraction:
    """A percentage between 0 and 100, with or without its sign, as a ratio."""
    text = fields.text(name).removesuffix("%").strip()
    try:
        percent = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise fields.error(name, f"{text!r} is not a percentage", "write it as 99.9%") from error
    if not 0 < percent < 100:
        raise fields.error(
            name, f"{float(percent):g} is not between 0 and 100 percent", "99.9% is usual"
        )
    return percent / 100


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


def _indicator(slo: Fields) -> Indicator | SampledIndicator:
    kinds: dict[str, Callable[[Fields], Indicator | SampledIndicator]] = {
        "latency": _latency,
        "look_at": _look_at,
    }
    chosen = [name for name in kinds if name in slo]
    events = [name for name in _EVENTS if name in slo]
    if len(chosen) + bool(events) != 1:
        raise ConfigError(
            "an SLO has one indicator",
            where=slo.where(),
            advice="write two of good, bad and total, or latency, or look_at",
        )
    if chosen:
        return kinds[chosen[0]](slo)
    queries = {name: slo.text(name) for name in events}
    for name, text in queries.items():
        slo.made(name, partial(counter_terms, text))
    return slo.made(events[0], partial(ratio, **queries))


def _latency(slo: Fields) -> Indicator:
    """`under` is a duration where buckets are seconds, else a number in the histogram's unit."""
    fields = slo.mapping("latency", ("histogram", "under"))
    try:
        limit = float(fields.text("under"))
    except ValueError:
        limit = fields.duration_ms("under") / 1000
    make = partial(latency, histogram=fields.text("histogram"), threshold_seconds=limit)
    return fields.made("histogram", make)


def _look_at(slo: Fields) -> SampledIndicator:
    fields = slo.mapping("look_at", ("query", "good_when", "good_share", "every"))
    every_ms = fields.duration_ms("every") if "every" in fields else MINUTE_MS
    text = fields.text("query")
    if ("good_when" in fields) == fields.flag("good_share"):
        raise fields.error(
            "good_when", "say when it is good", "good_when: '>= 1', or good_share: true"
        )
    if "good_when" not in fields:
        return fields.made("query", partial(sampled, "raw", text, "success", 0.0, every_ms))
    found = _LOOK.fullmatch(fields.text("good_when"))
    try:
        limit = float(found[2]) if found else None
    except ValueError:
        limit = None
    if found is None or limit is None:
        raise fields.error("good_when", "a comparison is expected", "write it as '>= 1'")
    operator = _OPERATORS[found[1]]
    return fields.made("query", partial(sampled, "threshold", text, operator, limit, every_ms))


def _slices(slo: Fields) -> Timeslices | None:
    if "slices" not in slo:
        return None
    fields = slo.mapping("slices", ("of", "good", "empty"))
    target = _percent_or_all(fields) if "good" in fields else None
    wanted = fields.text("empty", "ignore")
    empty = next((one for one in _EMPTY if one == wanted), None)
    if empty is None:
        raise fields.error("empty", f"{wanted!r} is no policy", f"known: {', '.join(_EMPTY)}")
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
