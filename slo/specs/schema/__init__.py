"""`json_schema`: JSON Schema (draft 2020-12) of the specification formats, for editors.

It knows structure: names, types, what excludes what. Meaning (is it PromQL, can the tier ever fire)
is for `tocsin slo check`. `tests/slo/specs/test_schema.py` holds it to the readers.
"""

from __future__ import annotations

from slo.specs.schema.openslo import OPENSLO_V1, OPENSLO_V1ALPHA
from slo.specs.schema.parts import Schema
from slo.specs.schema.pyrra import PYRRA
from slo.specs.schema.sloth import SLOTH, SLOTH_RESOURCE
from slo.specs.schema.tocsin import TOCSIN

FORMATS: dict[str, Schema] = {
    "tocsin/v1": TOCSIN,
    "openslo/v1": OPENSLO_V1,
    "openslo/v1alpha": OPENSLO_V1ALPHA,
    "prometheus/v1": SLOTH,
    "sloth.slok.dev/v1": SLOTH_RESOURCE,
    "pyrra.dev/v1alpha1": PYRRA,
}


def json_schema() -> Schema:
    """One schema of all formats: `version` or `apiVersion` says which one holds."""
    known = {"enum": list(FORMATS)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://tocsin.dev/schema/slo.json",
        "title": "Service level objectives, as tocsin reads them",
        "type": "object",
        "properties": {"version": known, "apiVersion": known},
        "anyOf": [{"required": ["version"]}, {"required": ["apiVersion"]}],
        "allOf": [
            {"if": _is(version), "then": {"$ref": f"#/$defs/{_key(version)}"}}
            for version in FORMATS
        ],
        "$defs": {_key(version): schema for version, schema in FORMATS.items()},
    }


def _is(version: str) -> Schema:
    return {
        "anyOf": [
            {"required": [field], "properties": {field: {"const": version}}}
            for field in ("apiVersion", "version")
        ]
    }


def _key(version: str) -> str:
    return version.replace("/", "-")
