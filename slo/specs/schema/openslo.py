"""JSON Schema of OpenSLO v1 and v1alpha, as far as tocsin reads them."""

from __future__ import annotations

from slo.specs.openslo import KINDS
from slo.specs.schema.parts import (
    ANYTHING,
    DURATION,
    FLAG,
    NAME,
    NUMBER,
    SCALAR,
    TEXT,
    TEXTS,
    Schema,
    listed,
    mapping,
    one_of,
)

_RATIO_NUMBER: Schema = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
_SLICE_TARGET: Schema = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
_PERCENT: Schema = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100}
_OP = one_of("lt", "lte", "gt", "gte")
_METHOD = one_of("Occurrences", "Timeslices", "RatioTimeslices")
_METADATA: Schema = mapping(
    {"name": NAME, "displayName": TEXT, "labels": TEXTS, "annotations": TEXTS}, ("name",)
)
_SOURCE = mapping(
    {
        "metricSource": mapping(
            {"metricSourceRef": TEXT, "type": TEXT, "spec": {"type": "object"}}, ("spec",)
        )
    },
    ("metricSource",),
)
_SLI_SPEC: Schema = {
    "type": "object",
    "properties": {
        "ratioMetric": mapping(
            {
                "counter": FLAG,
                "good": _SOURCE,
                "bad": _SOURCE,
                "total": _SOURCE,
                "raw": _SOURCE,
                "rawType": one_of("success", "failure"),
            }
        ),
        "thresholdMetric": _SOURCE,
    },
    "oneOf": [{"required": ["ratioMetric"]}, {"required": ["thresholdMetric"]}],
}
_INLINE = mapping({"metadata": _METADATA, "spec": _SLI_SPEC}, ("spec",))
_WINDOW = mapping(
    {
        "duration": {"type": "string", "pattern": r"^([0-9]+(ms|[smhdwMQyY]))+$"},
        "isRolling": FLAG,
        "calendar": mapping({"startTime": ANYTHING, "timeZone": TEXT}, ("startTime",)),
    },
    ("duration",),
)
_OBJECTIVE = mapping(
    {
        "displayName": TEXT,
        "op": _OP,
        "value": NUMBER,
        "target": _RATIO_NUMBER,
        "targetPercent": _PERCENT,
        "timeSliceTarget": _SLICE_TARGET,
        "timeSliceWindow": DURATION,
        "indicator": _INLINE,
        "indicatorRef": TEXT,
        "compositeWeight": NUMBER,
    }
) | {"anyOf": [{"required": ["target"]}, {"required": ["targetPercent"]}]}
_SLO_SPEC = mapping(
    {
        "description": TEXT,
        "service": NAME,
        "indicator": _INLINE,
        "indicatorRef": TEXT,
        "timeWindow": listed(_WINDOW, 1) | {"maxItems": 1},
        "budgetingMethod": _METHOD,
        "objectives": listed(_OBJECTIVE, 1),
        "alertPolicies": {"type": "array"},
    },
    ("service", "timeWindow", "objectives"),
)


def _when(kind: str, spec: Schema) -> Schema:
    is_kind = {"properties": {"kind": {"const": kind}}}
    return {"if": is_kind, "then": {"properties": {"spec": spec}, "required": ["spec"]}}


OPENSLO_V1: Schema = {
    **mapping(
        {
            "apiVersion": SCALAR,
            "kind": one_of(*KINDS),
            "metadata": _METADATA,
            "spec": {"type": "object"},
        },
        ("apiVersion", "kind", "metadata", "spec"),
    ),
    "allOf": [_when("SLO", _SLO_SPEC), _when("SLI", _SLI_SPEC)],
}
_OLD_OBJECTIVE = mapping(
    {
        "displayName": TEXT,
        "op": _OP,
        "value": NUMBER,
        "target": _RATIO_NUMBER,
        "timeSliceTarget": _SLICE_TARGET,
        "timeSliceWindow": DURATION,
        "ratioMetrics": {"type": "object"},
    },
    ("target",),
)
_OLD_SPEC = mapping(
    {
        "description": TEXT,
        "service": NAME,
        "indicator": {"type": "object"},
        "timeWindows": {"type": "array", "minItems": 1},
        "budgetingMethod": _METHOD,
        "objectives": listed(_OLD_OBJECTIVE, 1),
    },
    ("service", "objectives"),
)
OPENSLO_V1ALPHA: Schema = {
    **mapping(
        {
            "apiVersion": SCALAR,
            "kind": one_of("SLO", "Service"),
            "metadata": _METADATA,
            "spec": {"type": "object"},
        },
        ("apiVersion", "kind", "metadata"),
    ),
    "allOf": [_when("SLO", _OLD_SPEC)],
}
