"""`tocsin slo check`: what is wrong, or probably wrong, with specifications."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from tocsin.commands.client import post
from tocsin.commands.output import Output, emit


def check_slos(
    files: list[Path] = typer.Argument(help="Files of objectives, in any format."),
    url: str = typer.Option("", envvar="TOCSIN_URL", help="A tocsin whose series are asked too."),
    output: Output = Output.table,
) -> None:
    """Check specifications by schema and meaning; exit 2 when one has an error.

    With --url the series of a running tocsin are asked too: do they exist, has the histogram that
    bucket, are the errors part of the total, is there traffic enough for the budget?
    """
    rows = [row for file in files for row in (_asked(url, file) if url else _read(file))]
    errors = sum(row["level"] == "error" for row in rows)
    emit(rows, output, plain=lambda: _print(rows, len(files)))
    if errors:
        raise typer.Exit(2)


def _read(file: Path) -> list[Mapping[str, object]]:
    from slo.lint import findings
    from slo.lint.interface import Facts
    from slo.specs import read_all, spec_text

    objectives, errors = read_all(spec_text(file), str(file))
    found = [
        _row(file, "spec", "error", "", one.where.line, one.message, one.advice) for one in errors
    ]
    return found + [
        _row(file, one.rule, one.level, one.objective, one.where.line, one.message, one.advice)
        for one in findings(objectives, Facts())
    ]


def _asked(url: str, file: Path) -> list[Mapping[str, object]]:
    from slo.specs import spec_text

    answer: Any = post(url, "/api/tocsin/v1/slos/check", body=spec_text(file))
    return [
        _row(
            file,
            one["rule"],
            one["level"],
            one["slo"],
            one["line"],
            one["message"],
            one["advice"],
        )
        for one in answer["findings"]
    ]


def _row(
    file: Path, rule: str, level: str, slo: str, line: int, message: str, advice: str
) -> Mapping[str, object]:
    return {
        "file": str(file),
        "line": line,
        "level": level,
        "rule": rule,
        "slo": slo,
        "message": message,
        "advice": advice,
    }


def _print(rows: list[Mapping[str, object]], files: int) -> None:
    for row in rows:
        place = f"{row['file']}:{row['line']}" if row["line"] else row["file"]
        about = f" {row['slo']}:" if row["slo"] else ""
        typer.echo(f"{place}: {row['level']}:{about} {row['message']} [{row['rule']}]")
        if row["advice"]:
            typer.echo(f"    {row['advice']}")
    if not rows:
        typer.echo(f"{files} file{'s' if files != 1 else ''}: nothing to say")
