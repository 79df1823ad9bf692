"""JSON Schema of `tocsin/v1`."""

from __future__ import annotations

from slo.composite import COMBINATIONS, MAX_PARTS, MAX_WEIGHT, WEIGHTED
from slo.specs.native_indicators import EVENTS, INDICATOR_FIELDS
from slo.specs.schema.parts import (
    COUNT,
    COUNTER,
    DURATION,
    FLAG,
    NAME,
    NUMBER,
    PERCENT,
    QUERY,
    SCALAR,
    TEXT,
    TEXTS,
    Schema,
    has,
    listed,
    mapping,
    one_of,
)

_LOOK: Schema = {
    "type": "string",
    "pattern": r"^\s*(<=|>=|<|>)\s*\S+\s*$",
    "description": "A comparison: '>= 1'.",
}
_WHERE: Schema = {**TEXTS, "description": "Field or attribute: a text, or one after =~, !=, !~."}
_INDICATORS: dict[str, Schema] = {
    "good": {**COUNTER, "title": "Good events"},
    "bad": {**COUNTER, "title": "Bad events"},
    "total": {**COUNTER, "title": "All events"},
    "latency": mapping(
        {"histogram": COUNTER, "under": {"anyOf": [DURATION, NUMBER]}, "native": FLAG},
        ("histogram", "under"),
        "Events of a histogram up to any threshold.",
    ),
    "available": {"anyOf": [QUERY, mapping({"query": QUERY, "every": DURATION}, ("query",))]},
    "fresh": mapping(
        {"timestamp": QUERY, "within": DURATION, "every": DURATION}, ("timestamp", "within")
    ),
    "throughput": mapping(
        {"counter": QUERY, "at_least_per_second": NUMBER, "over": DURATION, "every": DURATION},
        ("counter", "at_least_per_second"),
    ),
    "saturation": mapping(
        {"gauge": QUERY, "good_when": _LOOK, "every": DURATION}, ("gauge", "good_when")
    ),
    "spans": mapping({"where": _WHERE, "bad": _WHERE, "slower_than": DURATION}),
    "logs": mapping({"where": _WHERE, "bad": _WHERE}, ("bad",)),
    "look_at": mapping(
        {"query": QUERY, "good_when": _LOOK, "good_share": FLAG, "every": DURATION}, ("query",)
    ),
}
_NO_DATA = one_of("ignore", "good", "bad")
_SHARE: Schema = {"anyOf": [PERCENT, {"const": 100}]}
_PARTS = listed(TEXT, 1) | {"maxItems": MAX_PARTS}
_WEIGHTS: Schema = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": MAX_PARTS,
    "additionalProperties": COUNT | {"maximum": MAX_WEIGHT},
}
_COMPOSITES: dict[str, Schema] = {
    name: {"anyOf": [_PARTS, _WEIGHTS]} if name in WEIGHTED else _PARTS for name in COMBINATIONS
}
_SEVERITY = mapping({"disable": FLAG, "labels": TEXTS, "annotations": TEXTS})
_LEFT: Schema = {
    "anyOf": [
        {"type": "string", "pattern": r"^\s*[0-9]*\.?[0-9]+\s*%?\s*$"},
        {"type": "number", "minimum": 0, "exclusiveMaximum": 100},
    ],
    "description": "What is left of the budget: 25%.",
}
_STEP = mapping(
    {"left": _LEFT, "notify": FLAG, "freeze": FLAG, "webhook": TEXT},
    ("left",),
    "What is done when no more than this is left of the budget.",
)
_SLO: dict[str, Schema] = {
    "name": NAME,
    "objective": PERCENT,
    "window": {
        "anyOf": [
            DURATION,
            {
                "type": "string",
                "pattern": r"^([1-9][0-9]? )?(day|week|month|quarter|year)s?( in \S+)?$",
            },
        ],
        "description": "A duration (30d), or a calendar's period: month in Europe/Berlin.",
    },
    "description": TEXT,
    **_INDICATORS,
    **_COMPOSITES,
    "slices": mapping({"of": DURATION, "good": _SHARE, "empty": _NO_DATA}, ("of",)),
    "no_data": {**_NO_DATA, "description": "What the time without samples counts as."},
    "group_by": listed(TEXT),
    "max_groups": COUNT,
    "policy": listed(_STEP),
    "labels": TEXTS,
    "annotations": TEXTS,
    "alert": mapping(
        {
            "name": TEXT,
            "labels": TEXTS,
            "annotations": TEXTS,
            "page": _SEVERITY,
            "ticket": _SEVERITY,
        }
    ),
}
_ONE_INDICATOR: Schema = {
    "oneOf": [
        {"anyOf": [has(name) for name in EVENTS]},
        *(has(name) for name in (*INDICATOR_FIELDS, *COMBINATIONS)),
    ]
}
_TWO_SIDES: Schema = {
    "if": {"anyOf": [has(name) for name in EVENTS]},
    "then": {
        "oneOf": [
            {"required": [one for one in EVENTS if one != other], "not": has(other)}
            for other in EVENTS
        ]
    },
}
_COMPLETE: Schema = {"required": ["objective"], "allOf": [_ONE_INDICATOR, _TWO_SIDES]}
_OF_ONE = ("name", "objective", *EVENTS, *INDICATOR_FIELDS, *COMBINATIONS)
_TOP: dict[str, Schema] = {"version": SCALAR, "apiVersion": SCALAR, "service": NAME, **_SLO}

TOCSIN: Schema = {
    **mapping({**_TOP, "slos": listed({**mapping(_SLO), **_COMPLETE})}, ("service",)),
    "if": has("slos"),
    "then": {"not": {"anyOf": [has(name) for name in _OF_ONE]}},
    "else": _COMPLETE,
}
