"""`tocsin dashboards lint`: what dashboard-linter's rules find in dashboards of any origin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from collector.model.errors import InputError, Where
from tocsin.commands.output import Output, emit

if TYPE_CHECKING:
    from dashboards.lint.finding import Finding

BESIDE = ".lint"
"""The name under which dashboard-linter looks for exclusions in a dashboard's directory."""


def lint_boards(
    files: list[Path] = typer.Argument(help="Dashboards as JSON, as Grafana exports them."),
    output: Output = Output.table,
) -> None:
    """Check dashboards by seventeen rules; exit 1 when one of them finds anything.

    What a `.lint` file beside a dashboard excludes is left out.
    """
    found = [
        {"file": str(file), "rule": rule, "finding": str(finding)}
        for file in files
        for rule, finding in _findings(file)
    ]
    emit(found, output)
    if found:
        raise typer.Exit(1)


def _findings(file: Path) -> list[tuple[str, Finding]]:
    from dashboards.lint import lint
    from dashboards.lint.exclusions import read_exclusions

    beside = file.parent / BESIDE
    try:
        meant = read_exclusions(beside.read_text(), str(beside)) if beside.exists() else None
        return lint(json.loads(file.read_bytes()), meant)
    except InputError as error:
        raise InputError(error.message, where=Where(str(file)), advice=error.advice) from error
    except ValueError as error:
        raise InputError(f"not JSON: {error}", where=Where(str(file))) from error
