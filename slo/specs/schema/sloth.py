"""JSON Schema of Sloth's `prometheus/v1` and of its Kubernetes resource, in camel case."""

from __future__ import annotations

from slo.specs.schema.parts import (
    ANYTHING,
    DURATION,
    FLAG,
    NAME,
    QUERY,
    SCALAR,
    TEXT,
    TEXTS,
    Schema,
    listed,
    mapping,
)
from slo.specs.sloth import CAMEL

_OBJECTIVE: Schema = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100}


def _document(spelled: dict[str, str], required: tuple[str, ...]) -> Schema:
    def name(of: str) -> str:
        return spelled.get(of, of)

    severity = mapping({"disable": FLAG, "labels": TEXTS, "annotations": TEXTS})
    events = mapping(
        {name("error_query"): QUERY, name("total_query"): QUERY},
        (name("error_query"), name("total_query")),
    )
    raw = mapping({name("error_ratio_query"): QUERY}, (name("error_ratio_query"),))
    sli = mapping({"events": events, "raw": raw}) | {"minProperties": 1}
    alerting = mapping(
        {
            "name": TEXT,
            "labels": TEXTS,
            "annotations": TEXTS,
            name("page_alert"): severity,
            name("ticket_alert"): severity,
        }
    )
    slo = mapping(
        {
            "name": NAME,
            "objective": _OBJECTIVE,
            "description": TEXT,
            "sli": sli,
            "labels": TEXTS,
            "alerting": alerting,
            "plugins": ANYTHING,
            "window": DURATION,
        },
        ("name", "objective", "sli"),
    )
    return mapping(
        {
            "version": SCALAR,
            "service": NAME,
            "labels": TEXTS,
            "slos": listed(slo),
            name("slo_plugins"): ANYTHING,
            "window": DURATION,
        },
        required,
    )


SLOTH = _document({}, ("version", "service", "slos"))
SLOTH_RESOURCE = mapping(
    {
        "apiVersion": SCALAR,
        "kind": {"const": "PrometheusServiceLevel"},
        "metadata": {"type": "object"},
        "spec": _document(CAMEL, ("service", "slos")),
        "status": ANYTHING,
    },
    ("apiVersion", "kind", "spec"),
)
