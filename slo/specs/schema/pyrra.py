"""JSON Schema of Pyrra's `pyrra.dev/v1alpha1` resource."""

from __future__ import annotations

from slo.specs.schema.parts import (
    ANYTHING,
    COUNTER,
    DURATION,
    FLAG,
    NAME,
    PERCENT,
    SCALAR,
    TEXT,
    TEXTS,
    Schema,
    listed,
    mapping,
)

_METRIC = mapping({"metric": COUNTER}, ("metric",))
_GROUPING = listed(TEXT)
_INDICATOR: Schema = {
    **mapping(
        {
            "ratio": mapping(
                {"errors": _METRIC, "total": _METRIC, "grouping": _GROUPING}, ("errors", "total")
            ),
            "latency": mapping(
                {"success": _METRIC, "total": _METRIC, "grouping": _GROUPING}, ("success", "total")
            ),
            "latencyNative": mapping(
                {"latency": DURATION, "total": _METRIC, "grouping": _GROUPING}, ("latency", "total")
            ),
            "bool_gauge": mapping({"metric": TEXT, "grouping": _GROUPING}, ("metric",)),
        }
    ),
    "minProperties": 1,
    "maxProperties": 1,
}
PYRRA = mapping(
    {
        "apiVersion": SCALAR,
        "kind": {"const": "ServiceLevelObjective"},
        "metadata": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": NAME, "labels": TEXTS, "annotations": TEXTS},
        },
        "spec": mapping(
            {
                "description": TEXT,
                "target": PERCENT,
                "window": DURATION,
                "indicator": _INDICATOR,
                "alerting": mapping(
                    {
                        "name": TEXT,
                        "disabled": FLAG,
                        "burnrates": FLAG,
                        "absent": ANYTHING,
                        "severities": ANYTHING,
                        "labels": TEXTS,
                        "annotations": TEXTS,
                    }
                ),
                "performanceOverAccuracy": FLAG,
            },
            ("target", "window", "indicator"),
        ),
        "status": ANYTHING,
    },
    ("apiVersion", "kind", "metadata", "spec"),
)
