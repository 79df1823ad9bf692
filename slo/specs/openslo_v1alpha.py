"""OpenSLO v1alpha -> objectives: what files older than v1, and Sloth's OpenSLO, are written in.

Source: https://github.com/OpenSLO/OpenSLO/tree/v1alpha. Queries stand beside their source; time
windows are a unit and a count; a ratio belongs to each objective.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial

from collector.model.yaml_document import YamlDocument
from slo.calendar_window import CalendarWindow, Unit
from slo.indicators.counters import counter_terms
from slo.indicators.ratio import ratio
from slo.indicators.sampled import sampled
from slo.objective import Comparison, Indicator, Objective, SampledIndicator, Timeslices
from slo.specs.fields import Fields
from slo.window import DAY_MS, MINUTE_MS, Window

_SPEC = (
    "description",
    "service",
    "indicator",
    "timeWindows",
    "budgetingMethod",
    "objectives",
)
_OBJECTIVE = (
    "displayName",
    "op",
    "value",
    "target",
    "timeSliceTarget",
    "timeSliceWindow",
    "ratioMetrics",
)
_DAYS = {"Second": 0, "Day": 1, "Week": 7, "Month": 30, "Quarter": 90, "Year": 365}
_UNITS: dict[str, Unit] = {
    "Day": "day",
    "Week": "week",
    "Month": "month",
    "Quarter": "quarter",
    "Year": "year",
}
_OPERATORS: dict[str, Comparison] = {"lt": "lt", "lte": "lte", "gt": "gt", "gte": "gte"}


def read(documents: list[YamlDocument]) -> list[Objective]:
    """The objectives of documents. Raises ConfigError with the place of what is wrong."""
    return [one for document in documents for one in _of_document(document)]


def _of_document(document: YamlDocument) -> Iterator[Objective]:
    top = Fields(document, known=("apiVersion", "kind", "metadata", "spec"))
    if top.text("kind") == "Service":
        return
    if top.text("kind") != "SLO":
        raise top.error("kind", f"OpenSLO v1alpha has no kind {top.text('kind')!r}", "SLO, Service")
    name, spec = top.mapping("metadata").text("name"), top.mapping("spec", _SPEC)
    fields = list(spec.items("objectives", _OBJECTIVE))
    for position, one in enumerate(fields):
        title = name if len(fields) == 1 else f"{name}-{position + 1}"
        yield _objective(spec, one, title)


def _objective(spec: Fields, fields: Fields, name: str) -> Objective:
    target = fields.number("target")
    if not 0 < target < 1:
        raise fields.error("target", f"{float(target):g} is not between 0 and 1", "0.999 is usual")
    make = partial(
        Objective,
        service=spec.text("service"),
        name=name,
        target=target,
        window=_window(spec),
        indicator=_indicator(spec, fields),
        budgeting=_budgeting(spec, fields),
        description=spec.text("description", ""),
        where=fields.where(),
    )
    return spec.made("service", make)


def _window(spec: Fields) -> Window | CalendarWindow:
    known = ("unit", "count", "isRolling", "calendar")
    windows = list(spec.items("timeWindows", known))
    if len(windows) != 1:
        raise spec.error("timeWindows", "exactly one time window is expected")
    window = windows[0]
    unit, count = window.text("unit"), window.whole("count", 1)
    if unit not in _DAYS:
        raise window.error("unit", f"no such unit: {unit!r}", f"known: {', '.join(_DAYS)}")
    if "calendar" in window and unit in _UNITS:
        calendar = window.mapping("calendar", ("startTime", "timeZone"))
        zone, anchor = calendar.text("timeZone", "UTC"), calendar.moment("startTime")
        return calendar.made("timeZone", lambda: CalendarWindow(_UNITS[unit], count, zone, anchor))
    length_ms = count * (_DAYS[unit] * DAY_MS or 1000)
    return window.made("count", lambda: Window(length_ms))


def _indicator(spec: Fields, fields: Fields) -> Indicator | SampledIndicator:
    if "ratioMetrics" not in fields:
        return _threshold(spec, fields)
    known = ("good", "bad", "total", "counter", "incremental")
    sides = fields.mapping("ratioMetrics", known)
    queries = {
        side: sides.mapping(side).text("query")
        for side in ("good", "bad", "total")
        if side in sides
    }
    for side, text in queries.items():
        sides.made(side, partial(counter_terms, text))
    return sides.made("total", partial(ratio, **queries))


def _threshold(spec: Fields, fields: Fields) -> SampledIndicator:
    text = spec.mapping("indicator").mapping("thresholdMetric").text("query")
    name = fields.text("op")
    if name not in _OPERATORS:
        raise fields.error("op", f"no such comparison: {name!r}", f"known: {', '.join(_OPERATORS)}")
    limit = float(fields.number("value"))
    every_ms = fields.duration_ms("timeSliceWindow") if "timeSliceWindow" in fields else MINUTE_MS
    make = partial(sampled, "threshold", text, _OPERATORS[name], limit, every_ms)
    return fields.made("op", make)


def _budgeting(spec: Fields, fields: Fields) -> Timeslices | None:
    method = spec.text("budgetingMethod", "Occurrences")
    if method == "Occurrences":
        return None
    if method != "Timeslices":
        raise spec.error(
            "budgetingMethod", f"there is no method {method!r}", "Occurrences, Timeslices"
        )
    slice_ms = fields.duration_ms("timeSliceWindow")
    target: Fraction = fields.number("timeSliceTarget")
    return fields.made("timeSliceWindow", lambda: Timeslices(slice_ms, target))
