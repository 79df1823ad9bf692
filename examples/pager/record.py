"""What came in: one entry a request, kept in memory and appended to a file as JSON lines."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: `problems` is empty when every field was right; `fault` when it was refused."""

    at_seconds: float
    service: str
    path: str
    status: int
    problems: Sequence[str]
    fault: bool
    body: Any
    answer: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Record:
    """Entries in the order in which they were answered; a line is on disk before the answer."""

    def __init__(self, path: Path | None) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1) if path else None
        self._lock = threading.Lock()
        self.entries: list[Entry] = []

    def add(
        self, service: str, path: str, status: int, problems: Sequence[str], **more: Any
    ) -> None:
        """Note one request."""
        entry = Entry(
            time.time(), service, path, status, list(problems), **{"fault": False, **more}
        )
        with self._lock:
            self.entries.append(entry)
            if self._file:
                self._file.write(json.dumps(asdict(entry)) + "\n")

    def of(self, service: str) -> list[Entry]:
        """Entries of one service, or of all for ""."""
        with self._lock:
            return [one for one in self.entries if service in ("", one.service)]
