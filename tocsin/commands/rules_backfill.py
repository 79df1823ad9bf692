"""`tocsin rules backfill`: recording rules over stored history, written straight into blocks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tocsin.commands.client import DEFAULT_URL
from tocsin.commands.output import Output, emit
from tocsin.commands.times import option_ms
from tocsin.commands.up import DEFAULT_DATA_DIR

if TYPE_CHECKING:
    from collector.rules.backfill import Task


def backfill_rules(
    file: Path = typer.Argument(help="A rule file; its recording rules are evaluated."),
    start: str = typer.Option(..., help="RFC 3339, Unix time, or how long ago."),
    end: str = typer.Option("", help="The same; now when it is left out."),
    eval_interval: str = typer.Option("1m", help="Interval of groups that name none."),
    data_dir: Path = typer.Option(
        DEFAULT_DATA_DIR, help="On this machine; tocsin may run on it or not."
    ),
    url: str = typer.Option(
        DEFAULT_URL, envvar="TOCSIN_URL", help="The tocsin that runs on it, if any."
    ),
    output: Output = Output.table,
) -> None:
    """Write what recording rules would have written; what is there already stays."""
    from collector.model.clock import SystemClock
    from collector.model.durations import parse_duration_ms
    from collector.rules.backfill import levels, tasks
    from collector.rules.file import read_rule_file
    from tocsin.commands.store_copy import store_directory, unchanging_store

    now_ms = SystemClock().now_ms()
    span = option_ms(start, "--start", now_ms), option_ms(end, "--end", now_ms)
    found = levels(tasks(read_rule_file(file), parse_duration_ms(eval_interval)))
    rows: list[dict[str, object]] = []
    with unchanging_store(data_dir, url, hold=False) as readable:
        for level in found:
            rows += _write(level, readable, {readable, store_directory(data_dir)}, span)
    emit(rows, output)
    typer.echo("a tocsin that runs on this directory shows them within a minute", err=True)


def _write(
    level: Sequence[Task], readable: Path, targets: set[Path], span: tuple[int, int]
) -> list[dict[str, object]]:
    """Evaluate rules that don't read each other, then write what they made."""
    import numpy as np

    from collector.model.clock import SystemClock
    from collector.query.engine import Engine
    from collector.rules.backfill import backfilled
    from collector.store.history import HistoryWriter
    from collector.store.tsdb import Tsdb

    store = Tsdb.open(readable, SystemClock())
    writers = [HistoryWriter(target) for target in targets]
    rows: list[dict[str, object]] = []
    try:
        for task in level:
            samples = 0
            for one in backfilled(task, Engine(store), *span):
                series = np.zeros(len(one.times_ms), np.int64)
                for writer in writers:
                    writer.add([one.labels], series, one.times_ms, one.values)
                samples += len(series)
            rows.append({"rule": task.rule.name, "samples": samples})
    finally:
        store.close()
    for writer in writers:
        writer.close()
    return rows
