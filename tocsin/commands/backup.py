"""`tocsin backup` and `tocsin restore`: a verified copy of everything that tocsin keeps."""

from __future__ import annotations

from pathlib import Path

import typer

from tocsin.commands.client import DEFAULT_URL
from tocsin.commands.output import Output, emit
from tocsin.commands.progress import counted
from tocsin.commands.up import DEFAULT_DATA_DIR


def backup(
    target: Path = typer.Argument(help="The directory to make."),
    data_dir: Path = typer.Option(DEFAULT_DATA_DIR, help="What to copy, on this machine."),
    url: str = typer.Option(
        DEFAULT_URL, envvar="TOCSIN_URL", help="Where the tocsin is that uses the directory."
    ),
    output: Output = Output.table,
) -> None:
    """Copy metrics, logs, alerts, silences and SLO ledgers, whether tocsin runs or not."""
    from tocsin.backup_files import back_up
    from tocsin.commands.store_copy import unchanging_store

    with unchanging_store(data_dir, url) as store, counted("backed up") as progress:
        copied = back_up(data_dir, store, target, progress)
    for one in copied.damaged:
        typer.echo(f"warning: {one} is damaged and was left out", err=True)
    facts = {"backup": str(target), "files": copied.files, "bytes": copied.nbytes}
    emit([facts], output)
    if copied.damaged:
        raise typer.Exit(1)


def restore(
    source: Path = typer.Argument(help="What `tocsin backup` made."),
    data_dir: Path = typer.Option(DEFAULT_DATA_DIR, help="Absent or empty until now."),
    output: Output = Output.table,
) -> None:
    """Verify a backup and make a data directory of it."""
    from tocsin.backup_files import restore as restore_files

    with counted("restored") as progress:
        copied = restore_files(source, data_dir, progress)
    facts = {"data_dir": str(data_dir), "files": copied.files, "bytes": copied.nbytes}
    emit([facts], output)
