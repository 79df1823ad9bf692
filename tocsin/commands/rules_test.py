"""`tocsin test rules`: unit tests of rules in promtool's format, on the store and engine that run.

Exit 1 when a test fails, 2 when a file can't be used.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from collector.config_errors import ManyConfigErrors
from collector.model.errors import ConfigError
from tocsin.commands.output import Output, emit

if TYPE_CHECKING:
    from collector.rules.unit_test import Bench


def run_rule_tests(
    files: list[Path] = typer.Argument(help="Files of unit tests."),
    output: Output = Output.table,
) -> None:
    """Run unit tests of recording and alerting rules, as `promtool test rules` does."""
    results = {file: _failures(file) for file in files}
    rows = [
        {"file": str(file), "ok": not failures, "failures": failures}
        for file, failures in results.items()
    ]
    emit(rows, output, plain=lambda: _print(results))
    if any(results.values()):
        raise typer.Exit(1)


def _failures(file: Path) -> list[str]:
    """What is wrong with a file or differs from what it expects."""
    from collector.rules.file import load_rule_files
    from collector.rules.unit_test import run_test_file
    from collector.rules.unit_test_file import read_test_file

    try:
        tests = read_test_file(file)
        groups = load_rule_files(tests.rule_paths(file.parent))
    except ManyConfigErrors as many:
        return [f"    {error}" for error in many.errors]
    except ConfigError as error:
        return [f"    {error}"]
    return run_test_file(tests, groups, open_bench)


def _unmatched(file: Path) -> list[str]:
    """Patterns of `rule_files` that name no file."""
    from collector.rules.file import rule_paths
    from collector.rules.unit_test_file import read_test_file

    try:
        patterns = read_test_file(file).rule_files
    except ConfigError:
        return []
    return [pattern for pattern in patterns if not rule_paths([pattern], file.parent)]


@contextmanager
def open_bench(default_step_ms: int) -> Iterator[Bench]:
    """An empty store in a directory of its own, gone afterwards."""
    from collector.model.clock import ManualClock
    from collector.query.engine import Engine, EngineOptions
    from collector.rules.unit_test import Bench
    from collector.store.options import StoreOptions
    from collector.store.tsdb import Tsdb

    with tempfile.TemporaryDirectory(prefix="tocsin-rules-") as directory:
        clock = ManualClock()
        store = Tsdb.open(Path(directory), clock, StoreOptions(fsync="never"))
        try:
            engine = Engine(store, EngineOptions(default_step_ms=default_step_ms))
            yield Bench(store, engine, clock)
        finally:
            store.close()


def _print(results: dict[Path, list[str]]) -> None:
    for file, failures in results.items():
        typer.echo(f"Unit Testing:  {file}")
        for pattern in _unmatched(file):
            typer.echo(f"  WARNING: no file match pattern {pattern}")
        if failures:
            typer.echo("  FAILED:")
            for text in failures:
                typer.echo(text)
        else:
            typer.echo("  SUCCESS")
        typer.echo()
