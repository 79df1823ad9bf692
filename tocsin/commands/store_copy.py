"""A store to read for a command: the directory itself when nobody uses it, else a snapshot."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tocsin.commands.client import post

STORE = "metrics"


def store_directory(data_dir: Path) -> Path:
    """The store of a data directory. Raises ConfigError when there is none."""
    from collector.model.errors import ConfigError, Where

    if not (data_dir / STORE).is_dir():
        raise ConfigError(
            "no data directory of tocsin",
            where=Where(str(data_dir)),
            advice="give --data-dir; `tocsin up` makes one",
        )
    return data_dir / STORE


def _asked_for_snapshot(url: str) -> object:
    from collector.model.errors import InputError

    try:
        return post(url, "/api/v1/admin/tsdb/snapshot")
    except InputError as error:
        if "admin APIs disabled" not in error.message:
            raise
        raise InputError(
            error.message,
            advice="set web.enable_admin_api: true and restart tocsin, or stop it meanwhile",
        ) from error


@contextmanager
def unchanging_store(data_dir: Path, url: str, *, hold: bool = True) -> Iterator[Path]:
    """A directory of the store's form that nobody else writes to meanwhile; locked if `hold`.

    The tocsin at `url` is asked for a snapshot when it uses the store. Raises ConfigError,
    StorageError, UnavailableError, InputError (when it does not want to be asked).
    """
    from collector.model.errors import ConfigError, StorageError, Where
    from collector.store.directory_lock import lock_directory

    store = store_directory(data_dir)
    try:
        lock = lock_directory(store)
    except StorageError as error:
        if not isinstance(error.__cause__, BlockingIOError):
            raise
    else:
        if not hold:
            os.close(lock)
        try:
            yield store
        finally:
            if hold:
                os.close(lock)
        return
    answer = _asked_for_snapshot(url)
    name = answer["data"]["name"] if isinstance(answer, dict) else ""
    snapshot = store / "snapshots" / name
    if not name or not snapshot.is_dir():
        raise ConfigError(
            f"the tocsin at {url} made a snapshot {name}, which is not in this data directory",
            where=Where(str(data_dir)),
            advice="give --url of the tocsin that uses the directory; remove its other snapshot",
        )
    try:
        yield snapshot
    finally:
        shutil.rmtree(snapshot, ignore_errors=True)
