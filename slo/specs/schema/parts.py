"""What the schemas of all formats are made of."""

from __future__ import annotations

from collections.abc import Sequence

Schema = dict[str, object]

TEXT: Schema = {"type": "string"}
SCALAR: Schema = {"type": ["string", "number", "integer"]}
FLAG: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 1}
ANYTHING: Schema = {}
NAME: Schema = {
    "type": "string",
    "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$",
    "description": "Letters, digits, '.', '_' and '-'.",
}
QUERY: Schema = {"type": "string", "description": "PromQL."}
COUNTER: Schema = {
    "type": "string",
    "description": "A sum of counters: selectors, rate or increase of them, sum, + and -.",
}
DURATION: Schema = {
    "type": ["string", "integer"],
    "pattern": r"^(0|([0-9]+(ms|[smhdwy]))+)$",
    "description": "A duration such as 30d, 1h30m or 250ms.",
}
PERCENT: Schema = {
    "anyOf": [
        {"type": "string", "pattern": r"^\s*[0-9]*\.?[0-9]+\s*%?\s*$"},
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 100},
    ],
    "description": "A percentage between 0 and 100: 99.9%.",
}
TEXTS: Schema = {"type": "object", "additionalProperties": SCALAR}


def mapping(fields: dict[str, Schema], required: Sequence[str] = (), about: str = "") -> Schema:
    """An object of these fields and no others; a field may be null, which is as if not there."""
    found: Schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: nullable(of) for name, of in fields.items()},
    }
    if required:
        found["required"] = list(required)
    return {**found, "description": about} if about else found


def nullable(schema: Schema) -> Schema:
    """The schema, or nothing written behind the name."""
    return {"anyOf": [schema, {"type": "null"}]} if schema else schema


def listed(schema: Schema, least: int = 0) -> Schema:
    """A list of these."""
    return {"type": "array", "items": schema, "minItems": least}


def one_of(*names: str) -> Schema:
    """One of these texts."""
    return {"enum": list(names)}


def has(name: str) -> Schema:
    """A field is written."""
    return {"required": [name]}
