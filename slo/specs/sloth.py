"""Sloth's `prometheus/v1`, and its Kubernetes resource, -> objectives.

Source: https://sloth.dev/specs/default/ (fields of `PrometheusServiceSpec`). Sloth's window is a
flag of its process; here it is 30 days unless the file says `window`.
"""

from __future__ import annotations

from fractions import Fraction
from functools import partial

from collector.model.yaml_document import YamlDocument
from slo.indicators.counters import counter_terms
from slo.indicators.ratio import ratio
from slo.indicators.sampled import sampled
from slo.objective import (
    DEFAULT_ALERT_NAME,
    Alerting,
    Indicator,
    Objective,
    SampledIndicator,
    Severity,
    SeverityAlerting,
)
from slo.specs.fields import Fields
from slo.window import DAY_MS, MINUTE_MS, Window

DEFAULT_WINDOW_MS = 30 * DAY_MS
_DOCUMENT = ("version", "service", "labels", "slos", "slo_plugins", "window")
_SLO = ("name", "objective", "description", "sli", "labels", "alerting", "plugins", "window")
_SLI = ("events", "raw", "plugin")
_ALERTING = ("name", "labels", "annotations", "page_alert", "ticket_alert")
_SEVERITY = ("disable", "labels", "annotations")
CAMEL = {
    "slo_plugins": "sloPlugins",
    "error_query": "errorQuery",
    "total_query": "totalQuery",
    "error_ratio_query": "errorRatioQuery",
    "page_alert": "pageAlert",
    "ticket_alert": "ticketAlert",
}
"""Names of fields in the Kubernetes resource."""
_NOT_YET = {
    "plugin": "Sloth's plug-ins are Go programs: write their queries as sli.events",
}


def read(documents: list[YamlDocument]) -> list[Objective]:
    """The objectives of Sloth documents. Raises ConfigError with the place of what is wrong."""
    return [objective for document in documents for objective in _of_document(document)]


def read_resources(documents: list[YamlDocument]) -> list[Objective]:
    """The objectives of `PrometheusServiceLevel` resources (sloth.slok.dev/v1), likewise."""
    return [objective for document in documents for objective in _of_resource(document)]


def _of_document(document: YamlDocument) -> list[Objective]:
    spec = Fields(document, known=_DOCUMENT)
    return [_objective(spec, slo) for slo in spec.items("slos", _SLO)]


def _of_resource(document: YamlDocument) -> list[Objective]:
    """Its `spec` is a document, written in camel case."""
    known = ("apiVersion", "kind", "metadata", "spec", "status")
    top = Fields(document, known=known, spelling=CAMEL)
    if top.text("kind") != "PrometheusServiceLevel":
        raise top.error("kind", f"{top.text('kind')!r} is no PrometheusServiceLevel")
    spec = top.mapping("spec", _DOCUMENT)
    return [_objective(spec, slo) for slo in spec.items("slos", _SLO)]


def _objective(spec: Fields, slo: Fields) -> Objective:
    percent = slo.number("objective")
    if not 0 < percent < 100:
        raise slo.error(
            "objective", f"{float(percent):g} is not between 0 and 100 percent", "99.9 is usual"
        )
    window = next((fields for fields in (slo, spec) if "window" in fields), None)
    length_ms = window.duration_ms("window") if window else DEFAULT_WINDOW_MS
    return slo.made(
        "name",
        lambda: Objective(
            service=spec.text("service"),
            name=slo.text("name"),
            target=percent / Fraction(100),
            window=(window or slo).made("window", lambda: Window(length_ms)),
            indicator=_indicator(slo.mapping("sli", _SLI)),
            description=slo.text("description", ""),
            labels={**spec.texts("labels"), **slo.texts("labels")},
            alerting=_alerting(slo),
            where=slo.where(),
            notes=_notes(spec) + _notes(slo),
        ),
    )


def _indicator(sli: Fields) -> Indicator | SampledIndicator:
    for name, advice in _NOT_YET.items():
        if name in sli:
            raise sli.error(name, f"sli.{name} is not supported yet", advice)
    if "raw" in sli:
        return _raw(sli.mapping("raw", ("error_ratio_query",)))
    events = sli.mapping("events", ("error_query", "total_query"))
    queries = {name: events.text(name) for name in ("error_query", "total_query")}
    for name, text in queries.items():
        events.made(name, partial(counter_terms, text))
    make = partial(ratio, bad=queries["error_query"], total=queries["total_query"])
    return events.made("error_query", make)


def _raw(raw: Fields) -> SampledIndicator:
    """Sloth's raw queries name the window themselves; here the ratio is asked each minute."""
    text = raw.text("error_ratio_query").replace("{{.window}}", "5m")
    return raw.made("error_ratio_query", lambda: sampled("raw", text, "failure", 0.0, MINUTE_MS))


def _alerting(slo: Fields) -> Alerting:
    if "alerting" not in slo:
        return Alerting(page=_severity(None, "page"), ticket=_severity(None, "ticket"))
    alerting = slo.mapping("alerting", _ALERTING)
    return Alerting(
        name=alerting.text("name", DEFAULT_ALERT_NAME),
        labels=alerting.texts("labels"),
        annotations=alerting.texts("annotations"),
        page=_severity(alerting, "page"),
        ticket=_severity(alerting, "ticket"),
    )


def _severity(alerting: Fields | None, severity: Severity) -> SeverityAlerting:
    """Sloth puts `sloth_severity` on every alert, and people route on it."""
    own = {"sloth_severity": severity}
    name = f"{severity}_alert"
    if alerting is None or name not in alerting:
        return SeverityAlerting(labels=own)
    fields = alerting.mapping(name, _SEVERITY)
    return SeverityAlerting(
        fields.flag("disable"), {**own, **fields.texts("labels")}, fields.texts("annotations")
    )


def _notes(fields: Fields) -> tuple[str, ...]:
    return tuple(
        f"{name} is ignored: Sloth's plug-ins are Go programs"
        for name in ("slo_plugins", "plugins")
        if name in fields
    )
