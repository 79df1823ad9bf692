"""What a load generator saw, and the file in which it says so."""

from __future__ import annotations

import json
import os
import time
from collections import Counter, defaultdict
from pathlib import Path


class Report:
    """Counts by request and outcome; every request sent ends in exactly one of them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._started_at = time.time()
        self._statuses: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._failures: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.sent = 0

    def answered(self, request: str, status: int) -> None:
        """An answer came back whole."""
        self._statuses[request][str(status)] += 1

    def failed(self, request: str, reason: str) -> None:
        """No answer came back, or not all of it."""
        self._failures[request][reason] += 1

    @property
    def answers(self) -> int:
        """How many answers came back."""
        return sum(counter.total() for counter in self._statuses.values())

    @property
    def failures(self) -> int:
        """How many requests got no answer."""
        return sum(counter.total() for counter in self._failures.values())

    @property
    def server_errors(self) -> int:
        """How many answers had a status from 500 up."""
        return sum(
            count
            for counter in self._statuses.values()
            for status, count in counter.items()
            if status >= "500"
        )

    def to_json(self, *, finished: bool) -> dict[str, object]:
        """`statuses` and `connection_errors` are by "METHOD /path", then by status or reason."""
        return {
            "url": self._url,
            "finished": finished,
            "started_at": self._started_at,
            "updated_at": time.time(),
            "sent": self.sent,
            "answered": self.answers,
            "in_flight": self.sent - self.answers - self.failures,
            "server_errors": self.server_errors,
            "statuses": {name: dict(counter) for name, counter in self._statuses.items()},
            "connection_errors": {name: dict(counter) for name, counter in self._failures.items()},
        }

    def write(self, file: Path, *, finished: bool) -> None:
        """Replace the file as a whole, so that a reader never sees half of it."""
        text = json.dumps(self.to_json(finished=finished), indent=2, sort_keys=True) + "\n"
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        partial.write_text(text)
        partial.replace(file)
