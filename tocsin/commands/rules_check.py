"""`tocsin check rules`: every error of rule files, with file, line, group and rule.

Exit 2 when a file is wrong; a rule that stands twice is a warning, as for promtool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from collector.config_errors import ManyConfigErrors
from collector.model.errors import ConfigError
from collector.model.labels import Labels
from tocsin.commands.output import Output, emit

if TYPE_CHECKING:
    from collector.rules.rule import RuleGroup


def check_rules(
    files: list[Path] = typer.Argument(help="Prometheus rule files."),
    output: Output = Output.table,
) -> None:
    """Check recording and alerting rules, as `promtool check rules` does; exit 2 when wrong."""
    results = {file: _read(file) for file in files}
    rows = [_row(file, found) for file, found in results.items()]
    emit(rows, output, plain=lambda: _print(results))
    if any(isinstance(found, ManyConfigErrors) for found in results.values()):
        raise typer.Exit(2)


def _read(file: Path) -> Sequence[RuleGroup] | ManyConfigErrors:
    from collector.rules.file import read_rule_file

    try:
        return read_rule_file(file)
    except ManyConfigErrors as many:
        return many


def _duplicates(groups: Sequence[RuleGroup]) -> list[str]:
    """Rules with a name and labels that another rule of the file has too."""
    seen: dict[tuple[str, object], int] = {}
    for group in groups:
        for rule in group.rules:
            key = (rule.name, Labels(rule.labels))
            seen[key] = seen.get(key, 0) + 1
    return [f"{name}{labels}" for (name, labels), count in seen.items() if count > 1]


def _row(file: Path, found: Sequence[RuleGroup] | ManyConfigErrors) -> Mapping[str, object]:
    if isinstance(found, ManyConfigErrors):
        errors: Sequence[ConfigError] = found.errors
        return {"file": str(file), "ok": False, "rules": 0, "errors": [str(e) for e in errors]}
    count = sum(len(group.rules) for group in found)
    return {"file": str(file), "ok": True, "rules": count, "duplicates": _duplicates(found)}


def _print(results: Mapping[Path, Sequence[RuleGroup] | ManyConfigErrors]) -> None:
    for file, found in results.items():
        typer.echo(f"Checking {file}")
        if isinstance(found, ManyConfigErrors):
            typer.echo("  FAILED:")
            for error in found.errors:
                typer.echo(f"  {error}")
        else:
            typer.echo(f"  SUCCESS: {sum(len(group.rules) for group in found)} rules found")
            for rule in _duplicates(found):
                typer.echo(f"  duplicate rule: {rule}", err=True)
        typer.echo()
