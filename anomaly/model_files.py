"""Fitted models on disk: one versioned .npz of plain arrays a series, never a pickle.

A file is written beside its place, fsynced and renamed, so a crash leaves the old one or the new
one. What can't be read, or has another version, is as good as absent: the series is learned again.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from anomaly.series_model import SeriesModel
from collector.model.errors import InputError, StorageError

VERSION = 1
"""Grows when features, calibration or the arrays change their meaning."""
KEEP_MS = 14 * 24 * 3600 * 1000
"""A series that was not seen for two weeks is learned anew when it comes back."""


class ModelFiles:
    """The directory of models; each has a key of its own (hex digits)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def save(self, key: str, model: SeriesModel) -> None:
        """Put a model in the place of the one before; raises StorageError when it can't."""
        path = self._path(key)
        beside = path.with_suffix(".partial")
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                arrays: dict[str, Any] = {"version": np.array(VERSION), **model.to_arrays()}
                np.savez(file, **arrays)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError as error:
            raise StorageError(
                f"the model {path} can't be written: {error.strerror}",
                advice="make room or mend the directory's mode; until then a restart learns again",
            ) from error

    def load(self, key: str) -> SeriesModel | None:
        """The model of that key, or None when there is none.

        Raises StorageError for a file that is there and is no model of this version.
        """
        path = self._path(key)
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                if int(arrays["version"]) != VERSION:
                    raise InputError(f"version {int(arrays['version'])}, this is {VERSION}")
                return SeriesModel.from_arrays({name: arrays[name] for name in arrays.files})
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, InputError) as error:
            raise StorageError(
                f"the model {path} can't be used: {error}", advice="the series is learned again"
            ) from error

    def remove_old(self, now_ms: int) -> int:
        """Delete models that were written over two weeks ago, and torn writes; says how many."""
        old = list(self._old(now_ms))
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _old(self, now_ms: int) -> Iterator[Path]:
        yield from self._directory.glob("*.partial")
        for path in self._directory.glob("*.npz"):
            if path.stat().st_mtime * 1000 < now_ms - KEEP_MS:
                yield path

    def _path(self, key: str) -> Path:
        return self._directory / f"{key}.npz"
