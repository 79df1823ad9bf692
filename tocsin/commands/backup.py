"""`tocsin backup` and `tocsin restore`: a verified copy of everything that tocsin keeps."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import typer

from tocsin.commands.client import DEFAULT_URL, post
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
    from tocsin.backup_files import STORE, back_up

    store = data_dir / STORE
    with counted("backed up") as progress:
        if (lock := _lock_if_free(store)) is not None:
            try:
                copied = back_up(data_dir, store, target, progress)
            finally:
                os.close(lock)
        else:
            snapshot = store / "snapshots" / _snapshot(url)
            try:
                copied = back_up(data_dir, snapshot, target, progress)
            finally:
                shutil.rmtree(snapshot, ignore_errors=True)
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


def _lock_if_free(store: Path) -> int | None:
    """The lock of a store that nobody uses. Raises ConfigError when there is no store."""
    from collector.model.errors import ConfigError, StorageError, Where
    from collector.store.directory_lock import lock_directory

    if not store.is_dir():
        raise ConfigError(
            "no data directory of tocsin", where=Where(str(store.parent)), advice="give --data-dir"
        )
    try:
        return lock_directory(store)
    except StorageError as error:
        if isinstance(error.__cause__, BlockingIOError):
            return None
        raise


def _snapshot(url: str) -> str:
    answer = post(url, "/api/v1/admin/tsdb/snapshot")
    data = answer["data"] if isinstance(answer, dict) else {}
    return str(data["name"])
