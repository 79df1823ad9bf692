"""`tocsin slo schema`: the JSON Schema of specifications, for editors."""

from __future__ import annotations

import json

import typer


def schema_of_slos() -> None:
    """Print the JSON Schema of all formats that specifications may be written in."""
    from slo.specs.schema import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))
