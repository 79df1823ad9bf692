"""`tocsin check`: every error of a configuration, with file, line, field and a suggestion."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import typer

from collector.config_errors import ManyConfigErrors
from collector.model.errors import ConfigError
from tocsin.commands.output import Output, emit

ADDRESS = {"TOCSIN_ADDRESS": "127.0.0.1:9900"}


def check(
    file: Path = typer.Argument(help="The configuration file."),
    output: Output = Output.table,
) -> None:
    """Check a configuration and the objectives that it names; exit 2 when something is wrong."""
    from collector.model.clock import SystemClock
    from tocsin.config import load_config
    from tocsin.config_warnings import config_warnings

    try:
        config = load_config(file, {**ADDRESS, **os.environ})
    except ManyConfigErrors as many:
        errors = list(many.errors)
    except ConfigError as error:
        errors = [error]
    else:
        jobs, objectives = len(config.scrape_configs), len(config.objectives)
        rules = sum(len(group.rules) for group in config.rule_groups)
        facts = {
            "file": str(file),
            "scrape_configs": jobs,
            "objectives": objectives,
            "rules": rules,
        }
        text = f"{file}: right; {jobs} scrape sections, {objectives} objectives, {rules} rules"
        for field, warning in config_warnings(config, SystemClock().now_ms()):
            typer.echo(f"warning: {file}: {field}: {warning}", err=True)
        emit([facts], output, plain=lambda: typer.echo(text))
        return
    emit([_row(error) for error in errors], output, plain=lambda: _print(errors))
    raise typer.Exit(2)


def _row(error: ConfigError) -> Mapping[str, object]:
    where = error.where
    return {
        "file": where.file,
        "line": where.line,
        "field": where.field,
        "error": error.message,
        "advice": error.advice,
    }


def _print(errors: list[ConfigError]) -> None:
    for error in errors:
        typer.echo(str(error))
    typer.echo(f"{len(errors)} error{'s' if len(errors) > 1 else ''}")
