"""What alerting remembers from tick to tick, kept across a restart: a small JSON file.

It is written when something of it changed, replaced whole, so that a crash leaves the old or the
new. Objectives are named by id: a restart may know others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from collector.model.errors import StorageError

NAME = "alerting.json"
AlertKey = tuple[str, str]
"""An objective's id and a severity or a condition."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """`firing`: start of each alert in ms; `burning`: ids by the text of a tier; `paged_ms` by id.

    `paged_ms` is when a page was last seen; one that burns now is seen at each tick, which is not
    written down.
    """

    firing: Mapping[AlertKey, int] = field(default_factory=dict)
    burning: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    paged_ms: Mapping[str, int] = field(default_factory=dict)


class AlertingFile:
    """Reads and writes the file in a directory that the ledger has made."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._written: Remembered | None = None

    def read(self) -> Remembered:
        """What was written; nothing when there is no readable file: alerts then begin anew."""
        try:
            return _remembered(json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError, AttributeError, TypeError, KeyError):
            return Remembered()

    def write(self, now: Remembered) -> None:
        """Replace the file, unless it says so already. Raises StorageError."""
        if now == self._written:
            return
        temporary = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(_record(now)), encoding="utf-8")
            temporary.replace(self._path)
        except OSError as error:
            raise StorageError(
                f"{self._path} can't be written: {error.strerror}",
                advice="check the disk's space and the mode",
            ) from error
        self._written = now


def _record(now: Remembered) -> dict[str, Any]:
    firing: dict[str, dict[str, int]] = {}
    for (id_, reason), since_ms in now.firing.items():
        firing.setdefault(id_, {})[reason] = since_ms
    return {"firing": firing, "burning": dict(now.burning), "paged_ms": dict(now.paged_ms)}


def _remembered(data: Mapping[str, Any]) -> Remembered:
    return Remembered(
        firing={
            (id_, reason): int(since_ms)
            for id_, reasons in data["firing"].items()
            for reason, since_ms in reasons.items()
        },
        burning={tier: tuple(map(str, ids)) for tier, ids in data["burning"].items()},
        paged_ms={id_: int(at_ms) for id_, at_ms in data["paged_ms"].items()},
    )
