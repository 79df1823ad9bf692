"""Which alerts fire, and since when, kept across a restart: a small JSON file, replaced whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from collector.model.errors import StorageError

NAME = "firing.json"
AlertKey = tuple[str, str]
"""An objective's id and a severity or a condition."""


class FiringFile:
    """Reads and writes the file in a directory that the ledger has made."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME

    def read(self) -> dict[AlertKey, int]:
        """Start times in ms by key; {} when there is no readable file: alerts then begin anew."""
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            return {
                (id_, reason): int(since_ms)
                for id_, reasons in data.items()
                for reason, since_ms in reasons.items()
            }
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def write(self, firing: Mapping[AlertKey, int]) -> None:
        """Replace the file. Raises StorageError."""
        data: dict[str, dict[str, int]] = {}
        for (id_, reason), since_ms in firing.items():
            data.setdefault(id_, {})[reason] = since_ms
        temporary = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(data), encoding="utf-8")
            temporary.replace(self._path)
        except OSError as error:
            raise StorageError(
                f"{self._path} can't be written: {error.strerror}",
                advice="check the disk's space and the mode",
            ) from error
