"""Excluded events on disk: read from the store once, so that its retention can't change them.

A JSON object a line: the correction, the objective's key, and the arrays, packed.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zlib
from pathlib import Path

import numpy as np

from slo.column_key import column_key
from slo.corrections import append_line, read_lines
from slo.excluded import Events
from slo.objective import Objective

NAME = "excluded.jsonl"
Key = tuple[str, str]
"""A correction's id, and a digest of what the objective counts."""


def key_of(correction: str, objective: Objective) -> Key:
    """Where the events of one objective that one correction excludes are kept."""
    return correction, hashlib.sha256(column_key(objective).encode()).hexdigest()[:32]


class ExcludedFile:
    """Appends to and reads the file in a directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME

    def read(self) -> dict[Key, Events]:
        """All events that were kept. Raises StorageError."""
        return {
            (record["id"], record["slo"]): _unpacked(record["events"], record["exact"])
            for record in read_lines(self._path)
        }

    def append(self, key: Key, events: Events) -> None:
        """Keep some. Raises StorageError."""
        record = {
            "id": key[0],
            "slo": key[1],
            "exact": events.is_exact,
            "events": _packed(events),
        }
        append_line(self._path, json.dumps(record))


def _packed(events: Events) -> str:
    buffer = io.BytesIO()
    np.savez(buffer, times_ms=events.times_ms, bad=events.bad, total=events.total)
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode()


def _unpacked(text: str, is_exact: bool) -> Events:
    data = io.BytesIO(zlib.decompress(base64.b64decode(text)))
    with np.load(data, allow_pickle=False) as arrays:
        return Events(arrays["times_ms"], arrays["bad"], arrays["total"], is_exact)
