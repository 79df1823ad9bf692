"""Recurring silences: each occurrence that holds now is a silence like any other, but nobody's.

Made of the configuration, kept nowhere: its id `recurring/NAME/START` is the same in every process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from alerts.silence import Silence
from alerts.silence_config import RecurringConfig

PREFIX = "recurring/"
LOOK_AHEAD_MS = 3_600_000
"""Occurrences are counted out so far ahead, and asked for from memory in between."""


class RecurringSilences:
    """Those of one configuration. Safe to use from any thread."""

    def __init__(self, configs: Sequence[RecurringConfig] = ()) -> None:
        self._rules = [(one, one.schedule()) for one in configs]
        self._look: tuple[int, int, list[Silence]] = (0, 0, [])

    def active(self, now_ms: int) -> list[Silence]:
        """The occurrences that hold now, in the order of the configuration."""
        if not self._rules:
            return []
        from_ms, until_ms, near = self._look
        if not from_ms <= now_ms < until_ms:
            until_ms = now_ms + LOOK_AHEAD_MS
            near = list(self._between(now_ms, until_ms))
            self._look = now_ms, until_ms, near
        return [one for one in near if one.starts_at_ms <= now_ms < one.ends_at_ms]

    def _between(self, after_ms: int, until_ms: int) -> Iterator[Silence]:
        for config, schedule in self._rules:
            for one in schedule.occurrences(after_ms, until_ms):
                id_ = f"{PREFIX}{config.name}/{_moment(one.start_ms)}"
                yield config.silence(id_, one.start_ms, one.end_ms)


def is_recurring(silence_id: str) -> bool:
    """Whether the id is one of an occurrence, which no one can change."""
    return silence_id.startswith(PREFIX)


def _moment(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y%m%dT%H%M%SZ}"
