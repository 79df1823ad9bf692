"""Pyrra's `pyrra.dev/v1alpha1` custom resource -> objectives.

Source: https://github.com/pyrra-dev/pyrra (slo/ and kubernetes/api/v1alpha1 describe the fields).
An indicator is one of `ratio` (errors and total), `latency` (success, a bucket, and total),
`latencyNative` and `bool_gauge`; `grouping` keeps a budget for each group of label values.
"""

from __future__ import annotations

from functools import partial

from collector.model.errors import ConfigError
from collector.model.yaml_document import YamlDocument
from slo.indicators.native_latency import native_latency
from slo.indicators.ratio import ratio
from slo.indicators.sampled import sampled
from slo.objective import (
    DEFAULT_ALERT_NAME,
    Alerting,
    Indicator,
    Objective,
    SampledIndicator,
    SeverityAlerting,
)
from slo.specs.fields import Fields
from slo.specs.percentage import percent
from slo.window import MINUTE_MS, Window

_TOP = ("apiVersion", "kind", "metadata", "spec", "status")
_SPEC = ("description", "target", "window", "indicator", "alerting", "performanceOverAccuracy")
_INDICATORS = ("ratio", "latency", "latencyNative", "bool_gauge")
_PREFIX = "pyrra.dev/"


def read(documents: list[YamlDocument]) -> list[Objective]:
    """The objectives of Pyrra's documents. Raises ConfigError with the place of what is wrong."""
    return [_objective(document) for document in documents]


def _objective(document: YamlDocument) -> Objective:
    top = Fields(document, known=_TOP)
    if top.text("kind") != "ServiceLevelObjective":
        raise top.error("kind", f"{top.text('kind')!r} is no ServiceLevelObjective")
    metadata, spec = top.mapping("metadata"), top.mapping("spec", _SPEC)
    labels = metadata.texts("labels")
    indicator, grouping = _indicator(spec.mapping("indicator", _INDICATORS))
    length_ms = spec.duration_ms("window")
    make = partial(
        Objective,
        service=labels.get("pyrra.dev/service") or metadata.text("namespace", "default"),
        name=metadata.text("name"),
        target=percent(spec, "target"),
        window=spec.made("window", lambda: Window(length_ms)),
        indicator=indicator,
        group_by=grouping,
        description=spec.text("description", ""),
        labels=_propagated(labels),
        annotations=_propagated(metadata.texts("annotations")),
        alerting=_alerting(spec),
        notes=_notes(spec),
        where=spec.where(),
    )
    return metadata.made("name", make)


def _propagated(texts: dict[str, str]) -> dict[str, str]:
    """Pyrra puts labels and annotations under its prefix on alerts, without it."""
    return {
        name.removeprefix(_PREFIX): value
        for name, value in texts.items()
        if name.startswith(_PREFIX)
    }


def _indicator(fields: Fields) -> tuple[Indicator | SampledIndicator, tuple[str, ...]]:
    kinds = [name for name in _INDICATORS if name in fields]
    if len(kinds) != 1:
        raise ConfigError(
            "an SLO has one indicator",
            where=fields.where(),
            advice=f"write one of {', '.join(_INDICATORS)}",
        )
    match kinds[0]:
        case "ratio":
            sides = fields.mapping("ratio", ("errors", "total", "grouping"))
            return _of_two(sides, "errors", "bad"), tuple(sides.words("grouping"))
        case "latency":
            sides = fields.mapping("latency", ("success", "total", "grouping"))
            return _of_two(sides, "success", "good"), tuple(sides.words("grouping"))
        case "latencyNative":
            sides = fields.mapping("latencyNative", ("latency", "total", "grouping"))
            seconds = sides.duration_ms("latency") / 1000
            make = partial(native_latency, histogram=_metric(sides, "total"), seconds=seconds)
            return sides.made("total", make), tuple(sides.words("grouping"))
        case _:
            gauge = fields.mapping("bool_gauge", ("metric", "grouping"))
            look = partial(sampled, "availability", gauge.text("metric"), "gte", 1.0, MINUTE_MS)
            return gauge.made("metric", look), ()


def _of_two(sides: Fields, name: str, meaning: str) -> Indicator:
    queries = {meaning: _metric(sides, name), "total": _metric(sides, "total")}
    return sides.made(name, partial(ratio, **queries))


def _metric(sides: Fields, name: str) -> str:
    return sides.mapping(name, ("metric",)).text("metric")


def _alerting(spec: Fields) -> Alerting:
    if "alerting" not in spec:
        return Alerting()
    known = ("name", "disabled", "burnrates", "absent", "severities", "labels", "annotations")
    fields = spec.mapping("alerting", known)
    off = fields.flag("disabled") or ("burnrates" in fields and not fields.flag("burnrates"))
    severity = SeverityAlerting(disabled=off)
    return Alerting(
        name=fields.text("name", DEFAULT_ALERT_NAME),
        labels=fields.texts("labels"),
        annotations=fields.texts("annotations"),
        page=severity,
        ticket=severity,
    )


def _notes(spec: Fields) -> tuple[str, ...]:
    """What Pyrra says and tocsin has no use for."""
    alerting = spec.mapping("alerting") if "alerting" in spec else None
    read_past = {
        "alerting.absent": alerting is not None and "absent" in alerting,
        "alerting.severities": alerting is not None and "severities" in alerting,
        "performanceOverAccuracy": "performanceOverAccuracy" in spec,
    }
    why = {
        "alerting.absent": "no data is a state and an alert of its own",
        "alerting.severities": "alerts are page and ticket",
        "performanceOverAccuracy": "budgets are exact at no cost",
    }
    return tuple(
        f"{name} is ignored: {why[name]}" for name, is_there in read_past.items() if is_there
    )
