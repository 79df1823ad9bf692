"""OpenSLO v1 -> objectives: kinds SLO and SLI, with Service and the alert kinds read past.

Source: https://github.com/OpenSLO/OpenSLO (v1). Queries are PromQL in `metricSource.spec.query`,
whatever the source's type is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from collector.model.errors import ConfigError
from collector.model.yaml_document import YamlDocument
from slo.calendar_window import CalendarWindow, Unit
from slo.indicators.counters import counter_terms
from slo.indicators.ratio import ratio as ratio_of
from slo.indicators.sampled import sampled
from slo.objective import Comparison, Indicator, Objective, SampledIndicator, Timeslices
from slo.specs.fields import Fields
from slo.window import MINUTE_MS, Window

KINDS = (
    "SLO",
    "SLI",
    "Service",
    "DataSource",
    "AlertPolicy",
    "AlertCondition",
    "AlertNotificationTarget",
)
_TOP = ("apiVersion", "kind", "metadata", "spec")
_METADATA = ("name", "displayName", "labels", "annotations")
_SLO = (
    "description",
    "service",
    "indicator",
    "indicatorRef",
    "timeWindow",
    "budgetingMethod",
    "objectives",
    "alertPolicies",
)
_OBJECTIVE = (
    "displayName",
    "op",
    "value",
    "target",
    "targetPercent",
    "timeSliceTarget",
    "timeSliceWindow",
    "indicator",
    "indicatorRef",
    "compositeWeight",
)
_PERIOD = re.compile(r"([1-9][0-9]?)([dwMQY])")
_UNITS: dict[str, Unit] = {"d": "day", "w": "week", "M": "month", "Q": "quarter", "Y": "year"}
_METHODS = ("Occurrences", "Timeslices", "RatioTimeslices")
_OPERATORS: dict[str, Comparison] = {"lt": "lt", "lte": "lte", "gt": "gt", "gte": "gte"}
_RATIO = ("counter", "good", "bad", "total", "raw", "rawType")
_SIDES = ("good", "bad", "total")


@dataclass(frozen=True, slots=True)
class _Object:
    kind: str
    name: str
    metadata: Fields
    spec: Fields


def read(documents: list[YamlDocument]) -> list[Objective]:
    """The objectives of one set of OpenSLO documents; an SLI may stand after the SLO that names it.

    Raises ConfigError with the place of what is wrong or not supported yet.
    """
    objects = [_object(document) for document in documents]
    indicators = {one.name: one for one in objects if one.kind == "SLI"}
    return [
        objective
        for one in objects
        if one.kind == "SLO"
        for objective in _objectives(one, indicators)
    ]


def _object(document: YamlDocument) -> _Object:
    top = Fields(document, known=_TOP)
    kind = top.text("kind")
    if kind not in KINDS:
        raise top.error("kind", f"OpenSLO v1 has no kind {kind!r}", f"it has {', '.join(KINDS)}")
    metadata = top.mapping("metadata", _METADATA)
    return _Object(kind, metadata.text("name"), metadata, top.mapping("spec"))


def _objectives(slo: _Object, indicators: dict[str, _Object]) -> Iterable[Objective]:
    spec = slo.spec
    _refuse_unknown(spec)
    method = spec.text("budgetingMethod", "Occurrences")
    if method not in _METHODS:
        raise spec.error(
            "budgetingMethod", f"there is no method {method!r}", f"known: {', '.join(_METHODS)}"
        )
    targets = list(spec.items("objectives", _OBJECTIVE))
    if not targets:
        raise spec.error("objectives", "an SLO needs an objective", "add one with a target")
    window = _window(spec)
    for position, fields in enumerate(targets):
        name = slo.name if len(targets) == 1 else f"{slo.name}-{position + 1}"
        yield _objective(slo, name, fields, window, indicators)


def _refuse_unknown(spec: Fields) -> None:
    for name in spec.names():
        if name not in _SLO:
            raise spec.error(name, f"no such field: {name!r}", f"known: {', '.join(_SLO)}")


def _objective(
    slo: _Object,
    name: str,
    fields: Fields,
    window: Window | CalendarWindow,
    indicators: dict[str, _Object],
) -> Objective:
    holder = fields if {"indicator", "indicatorRef"} & set(fields.names()) else slo.spec
    notes = ("alertPolicies are ignored: the burn-rate tiers of the workbook alert instead",)
    return slo.spec.made(
        "service",
        lambda: Objective(
            service=slo.spec.text("service"),
            name=name,
            target=_target(fields),
            window=window,
            indicator=_indicator(holder, indicators, fields),
            budgeting=_budgeting(slo.spec, fields),
            description=slo.spec.text("description", ""),
            labels=slo.metadata.texts("labels"),
            annotations=slo.metadata.texts("annotations"),
            where=fields.where(),
            notes=notes if "alertPolicies" in slo.spec else (),
        ),
    )


def _target(fields: Fields) -> Fraction:
    if "compositeWeight" in fields:
        raise fields.error(
            "compositeWeight", "composites are not supported yet", "write an SLO for each part"
        )
    name = "targetPercent" if "targetPercent" in fields else "target"
    target = fields.number(name)
    target = target / 100 if name == "targetPercent" else target
    if not 0 < target < 1:
        raise fields.error(
            name,
            f"{float(target):g} is not between 0 and 1",
            "target is a ratio like 0.999; targetPercent takes 99.9",
        )
    return target


def _budgeting(spec: Fields, fields: Fields) -> Timeslices | None:
    method = spec.text("budgetingMethod", "Occurrences")
    if method == "Occurrences":
        for name in ("timeSliceTarget", "timeSliceWindow"):
            if name in fields:
                raise fields.error(
                    name, f"{name} is for slices of time", "write budgetingMethod: Timeslices"
                )
        return None
    target = fields.number("timeSliceTarget") if method == "Timeslices" else None
    slice_ms = fields.duration_ms("timeSliceWindow")
    return fields.made("timeSliceWindow", lambda: Timeslices(slice_ms, target))


def _window(spec: Fields) -> Window | CalendarWindow:
    windows = list(spec.items("timeWindow", ("duration", "isRolling", "calendar")))
    if len(windows) != 1:
        raise spec.error("timeWindow", "exactly one time window is expected")
    window = windows[0]
    if "calendar" in window and window.flag("isRolling"):
        raise window.error(
            "isRolling", "a window is rolling or a calendar's, not both", "remove one of them"
        )
    if "calendar" in window:
        return _calendar(window)
    if not window.flag("isRolling"):
        raise window.error(
            "isRolling", "a window that does not roll needs a calendar", "write isRolling: true"
        )
    return window.made("duration", lambda: Window(window.duration_ms("duration")))


def _calendar(window: Fields) -> CalendarWindow:
    found = _PERIOD.fullmatch(window.text("duration"))
    if found is None:
        raise window.error(
            "duration", "a calendar's period is a number and a unit", f"units: {', '.join(_UNITS)}"
        )
    calendar = window.mapping("calendar", ("startTime", "timeZone"))
    anchor = calendar.moment("startTime")
    make = partial(
        CalendarWindow, _UNITS[found[2]], int(found[1]), calendar.text("timeZone", "UTC"), anchor
    )
    return calendar.made("timeZone", make)


def _indicator(
    holder: Fields, indicators: dict[str, _Object], fields: Fields
) -> Indicator | SampledIndicator:
    if "indicatorRef" in holder:
        name = holder.text("indicatorRef")
        if name not in indicators:
            known = ", ".join(sorted(indicators)) or "none"
            raise holder.error("indicatorRef", f"no SLI is named {name!r}", f"there is: {known}")
        return _of_sli(indicators[name].spec, fields)
    return _of_sli(holder.mapping("indicator", ("metadata", "spec")).mapping("spec"), fields)


def _of_sli(spec: Fields, fields: Fields) -> Indicator | SampledIndicator:
    every_ms = fields.duration_ms("timeSliceWindow") if "timeSliceWindow" in fields else MINUTE_MS
    if "thresholdMetric" in spec:
        return _threshold(spec, fields, every_ms)
    ratio = spec.mapping("ratioMetric", _RATIO)
    if "raw" in ratio:
        return _raw(ratio, every_ms)
    if "counter" in ratio and not ratio.flag("counter"):
        raise ratio.error("counter", "only counters can be counted as events", "counter: true")
    queries = {side: _query(ratio.mapping(side)) for side in _SIDES if side in ratio}
    return _checked(ratio, queries)


def _threshold(spec: Fields, fields: Fields, every_ms: int) -> SampledIndicator:
    text = _query(spec.mapping("thresholdMetric"))
    name = fields.text("op")
    if name not in _OPERATORS:
        raise fields.error("op", f"no such comparison: {name!r}", f"known: {', '.join(_OPERATORS)}")
    value = float(fields.number("value"))
    return spec.made(
        "thresholdMetric", lambda: sampled("threshold", text, _OPERATORS[name], value, every_ms)
    )


def _raw(ratio: Fields, every_ms: int) -> SampledIndicator:
    kind = ratio.text("rawType", "success")
    if kind not in ("success", "failure"):
        raise ratio.error("rawType", f"{kind!r} is neither success nor failure")
    text = _query(ratio.mapping("raw"))
    operator: Comparison = "success" if kind == "success" else "failure"
    return ratio.made("raw", lambda: sampled("raw", text, operator, 0.0, every_ms))


def _checked(ratio: Fields, queries: dict[str, str]) -> Indicator:
    for side, text in queries.items():
        ratio.made(side, partial(counter_terms, text))
    return ratio.made("total", partial(ratio_of, **queries))


def _query(side: Fields) -> str:
    source = side.mapping("metricSource", ("metricSourceRef", "type", "spec"))
    spec = source.mapping("spec")
    for name in ("query", "promql", "expr"):
        if name in spec:
            return spec.text(name)
    raise ConfigError(
        "metricSource.spec has no query", where=spec.where(), advice="write the PromQL as `query`"
    )
