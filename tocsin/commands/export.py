"""`tocsin export`: samples by selector and time into a file."""

from __future__ import annotations

from pathlib import Path

import typer

from tocsin.commands.client import DEFAULT_URL
from tocsin.commands.output import Output, emit
from tocsin.commands.progress import counted
from tocsin.commands.times import option_ms
from tocsin.commands.up import DEFAULT_DATA_DIR


def export(
    selector: str = typer.Argument(help="PromQL selector, like '{job=\"api\"}'."),
    target: Path = typer.Argument(help="The file to write."),
    since: str = typer.Option("", "--from", help="RFC 3339, Unix time, or how long ago."),
    until: str = typer.Option("", "--to", help="The same; else all there is."),
    data_dir: Path = typer.Option(DEFAULT_DATA_DIR, help="What to read, on this machine."),
    url: str = typer.Option(
        DEFAULT_URL, envvar="TOCSIN_URL", help="Where the tocsin is that uses the directory."
    ),
    file_format: str = typer.Option(
        "", "--format", help="openmetrics, csv, parquet; else the end of the name says it."
    ),
    output: Output = Output.table,
) -> None:
    """Write the samples of the series that match, each one once, by rising time."""
    from collector.interchange import WRITERS
    from collector.model.clock import SystemClock
    from tocsin.commands.import_ import format_of
    from tocsin.commands.store_copy import unchanging_store
    from tocsin.export_samples import Wanted, export_samples, selected

    name = format_of(target, file_format)
    now_ms = SystemClock().now_ms()
    first_ms = option_ms(since, "--from", now_ms) if since else 0
    last_ms = option_ms(until, "--to", now_ms) if until else 2**62
    wanted = Wanted(selected(selector), first_ms, last_ms)
    with (
        unchanging_store(data_dir, url, hold=False) as store,
        counted("exported") as progress,
    ):
        samples = export_samples(store, wanted, WRITERS[name](target), progress)
    emit([{"file": str(target), "format": name, "samples": samples}], output)
