"""`DeployLog`: the deploys that people and pipelines told of, the newest MAX_DEPLOYS, in a file.

A deploy is rare and the file small: it is replaced whole, and synced, before a deploy is answered.
Telling the same deploy twice, as pipelines that try again do, keeps it once.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from collector.model.deploy import Deploy
from collector.model.errors import InputError, StorageError

NAME = "deploys.json"
MAX_DEPLOYS = 10_000
"""27 a day for a year; the oldest go first."""


class DeployLog:
    """Implements `collector.model.deploy.Deploys`; safe to call from any thread."""

    def __init__(self, directory: Path) -> None:
        """Raises StorageError when the file of a former run can't be read."""
        self._path = directory / NAME
        self._lock = threading.Lock()
        self._next, self._deploys = self._read()

    def between(self, after_ms: int, until_ms: int, service: str = "") -> Sequence[Deploy]:
        """Deploys in `(after_ms, until_ms]`, of one service or of all, oldest first."""
        with self._lock:
            found = list(self._deploys)
        return [
            one
            for one in found
            if after_ms < one.at_ms <= until_ms and service in ("", one.service)
        ]

    def add(self, service: str, version: str, at_ms: int, url: str = "", note: str = "") -> Deploy:
        """Write one down. Raises InputError for what can't be, StorageError: it is not kept."""
        with self._lock:
            made = Deploy(f"d{self._next}", service, version, at_ms, url, note)
            same = (made.service, made.version, made.at_ms)
            for one in self._deploys:
                if (one.service, one.version, one.at_ms) == same:
                    return one
            kept = sorted([*self._deploys, made], key=lambda one: one.at_ms)[-MAX_DEPLOYS:]
            self._replace(self._next + 1, kept)
            return made

    def remove(self, id_: str) -> Deploy:
        """Take a wrong one out. Raises InputError for an unknown one, StorageError."""
        with self._lock:
            found = next((one for one in self._deploys if one.id == id_), None)
            if found is None:
                raise InputError(f"there is no deploy {id_!r}", advice="list them first")
            self._replace(self._next, [one for one in self._deploys if one is not found])
            return found

    def _replace(self, next_: int, deploys: list[Deploy]) -> None:
        text = json.dumps({"next": next_, "deploys": [asdict(one) for one in deploys]})
        temporary = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError as error:
            raise StorageError(
                f"{self._path} can't be written: {error.strerror}",
                advice="check the disk's space and the mode",
            ) from error
        self._next, self._deploys = next_, deploys

    def _read(self) -> tuple[int, list[Deploy]]:
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            return int(data["next"]), [Deploy(**one) for one in data["deploys"]]
        except FileNotFoundError:
            return 1, []
        except (OSError, ValueError, KeyError, TypeError, InputError) as error:
            raise StorageError(
                f"{self._path} can't be read: {error}",
                advice="move it away to begin without deploys",
            ) from error
