"""A backup: a directory with a copy of every file of a data directory and a manifest of checksums.

Copies are made beside and renamed when whole, so a backup, or what was restored from one, is there
as a whole or not at all. Blocks are checked against their own checksums on the way: a damaged block
is told and never passes for a good one. SQLite files are copied by SQLite, so that they are
consistent while tocsin runs; every other file is replaced as a whole or appended to with checksums.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from collector.model.errors import InputError, StorageError, Where
from collector.store.block_index import read_index
from collector.store.disk import CHUNK_BYTES, NewFile
from collector.store.wal import sync_directory

MANIFEST = "MANIFEST.json"
VERSION = 1
STORE = "metrics"
STORE_PARTS = ("blocks", "wal", "tombstones", "tiers")
"""What of the store is data: not its lock, nor its snapshots."""
_LEFT_OUT = (".tmp", "-wal", "-shm", "-journal", ".lock")

Progress = Callable[[str, int], None]
"""Told after each file: its name and size."""


@dataclass(frozen=True, slots=True)
class Copied:
    """How much was copied; `damaged`: blocks not as they were written, which were left out."""

    files: int
    nbytes: int
    damaged: tuple[str, ...] = ()


def back_up(data_dir: Path, store: Path, target: Path, progress: Progress) -> Copied:
    """Copy `data_dir` to `target`, which must not be there; the store from the directory `store`
    (itself when nobody uses it, else a snapshot). Raises InputError, StorageError.
    """
    damaged = tuple(_damaged_blocks(store))
    with _whole(target) as new:
        entries: dict[str, list[int]] = {}
        for name, path in [*_store_files(store), *_other_files(data_dir)]:
            if not name.startswith(damaged):
                size, checksum = _copy(path, new / name)
                entries[name] = [size, checksum]
                progress(name, size)
        with NewFile(new / MANIFEST) as file:
            file.write(json.dumps({"version": VERSION, "files": entries}, indent=1).encode())
    return Copied(len(entries), sum(size for size, _ in entries.values()), damaged)


def restore(backup: Path, data_dir: Path, progress: Progress) -> Copied:
    """Copy a backup to `data_dir`, which must be absent or empty; every file is verified.

    Raises InputError for what is no backup, StorageError for one that is damaged.
    """
    entries = _read_manifest(backup)
    with _whole(data_dir) as new:
        for name, (size, checksum) in entries.items():
            if _copy_bytes(_inside(backup, name), new / name) != (size, checksum):
                raise StorageError(
                    "this file is not as it was backed up; nothing was restored",
                    where=Where(str(backup / name)),
                    advice="use another backup, or another copy of this one",
                )
            progress(name, size)
    return Copied(len(entries), sum(size for size, _ in entries.values()))


def _read_manifest(backup: Path) -> Mapping[str, tuple[int, int]]:
    try:
        manifest = json.loads((backup / MANIFEST).read_bytes())
        if manifest["version"] != VERSION:
            raise InputError(f"a backup of version {manifest['version']}, not {VERSION}")
        return {name: (size, checksum) for name, (size, checksum) in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"no backup: its {MANIFEST} can't be read",
            where=Where(str(backup)),
            advice="give the directory that `tocsin backup` made",
        ) from error


def _inside(directory: Path, name: str) -> Path:
    path = directory / name
    if not path.resolve().is_relative_to(directory.resolve()):
        raise InputError("a file of the backup lies outside of it", where=Where(str(path)))
    return path


class _whole:  # noqa: N801 (used as a function)
    """A new directory that takes its name when all of it is there."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._temporary = target.with_name(target.name + ".tmp")

    def __enter__(self) -> Path:
        if self._target.exists() and (not self._target.is_dir() or any(self._target.iterdir())):
            raise InputError(
                "it is there already and not empty",
                where=Where(str(self._target)),
                advice="give a directory that does not exist yet",
            )
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._temporary.mkdir(parents=True, mode=0o700)
        return self._temporary

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                for directory in self._temporary.rglob("*/"):
                    sync_directory(directory)
                os.rename(self._temporary, self._target)
                sync_directory(self._target.parent)
        finally:
            shutil.rmtree(self._temporary, ignore_errors=True)


def _store_files(store: Path) -> Iterator[tuple[str, Path]]:
    for part in STORE_PARTS:
        for path in _files(store / part):
            yield str(Path(STORE) / path.relative_to(store)), path


def _other_files(data_dir: Path) -> Iterator[tuple[str, Path]]:
    for child in sorted(data_dir.iterdir()):
        if child.name != STORE:
            for path in _files(child):
                yield str(path.relative_to(data_dir)), path


def _files(path: Path) -> list[Path]:
    found = sorted(path.rglob("*")) if path.is_dir() else [path] if path.exists() else []
    return [
        one
        for one in found
        if one.is_file() and not any(part.endswith(_LEFT_OUT) for part in one.parts)
    ]


def _damaged_blocks(store: Path) -> Iterator[str]:
    """Names, below the backup, of blocks whose files are not as they were written."""
    for path in sorted([*store.glob("blocks/*"), *store.glob("tiers/*/blocks/*")]):
        try:
            files = read_index(path).meta.files or {}
            whole = all(_checked(path / name) == tuple(sums) for name, sums in files.items())
        except (StorageError, OSError):
            whole = False
        if not whole:
            yield str(Path(STORE) / path.relative_to(store))


def _checked(path: Path) -> tuple[int, int]:
    size = checksum = 0
    with path.open("rb") as file:
        while data := file.read(CHUNK_BYTES):
            size, checksum = size + len(data), zlib.crc32(data, checksum)
    return size, checksum


def _copy(source: Path, target: Path) -> tuple[int, int]:
    if source.suffix != ".sqlite":
        return _copy_bytes(source, target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
    return _checked(target)


def _copy_bytes(source: Path, target: Path) -> tuple[int, int]:
    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as old, NewFile(target) as new:
        while data := old.read(CHUNK_BYTES):
            new.write(data)
    return new.size, new.crc32
