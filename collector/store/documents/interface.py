"""`LogStore`: the seam between those who write or search logs and where the logs are kept.

Times are milliseconds since 1970. Every method may be called from any thread and blocks until it is
done, so asynchronous callers use a thread.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from collector.model.errors import InputError
from collector.model.records import LogBatch, LogRecord

DAY_MS = 24 * 3600 * 1000
LEVELS = ("debug", "info", "error")
"""The classes of `LogRecord.level`, each kept for a time of its own."""
MAX_LIMIT = 10_000
"""Records of one answer; Elasticsearch's own window."""
AHEAD_MS = DAY_MS
"""How far in the future a record may be: clocks differ, but not by more than a day."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long each level is kept, in milliseconds."""

    debug_ms: int = 7 * DAY_MS
    info_ms: int = 30 * DAY_MS
    error_ms: int = 90 * DAY_MS

    def of(self, level: str) -> int:
        """The time of one of LEVELS."""
        kept_ms: int = getattr(self, f"{level}_ms")
        return kept_ms

    def refusal(self, record: LogRecord, now_ms: int) -> str:
        """Why a record's time is no use: `too_old`, `in_the_future`; "" when it is fine."""
        if record.timestamp_ms > now_ms + AHEAD_MS:
            return "in_the_future"
        return "too_old" if record.timestamp_ms < now_ms - self.of(record.level) else ""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which records to find, newest first; empty fields ask for nothing.

    Every word of `text` must begin a word of the body or of an attribute. `level` is one of LEVELS.
    The range `[start_ms, end_ms]` holds both ends.
    """

    text: str = ""
    level: str = ""
    service: str = ""
    trace_id: str = ""
    start_ms: int = 0
    end_ms: int = 2**62
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Written:
    """How many records are stored, durably, and how many never will be, by reason."""

    stored: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)


class LogStore(Protocol):
    """Where logs are kept."""

    def write(self, batch: LogBatch) -> Written:
        """Store records; durable when it returns.

        Raises StorageError or UnavailableError when none could be stored but may be later.
        """
        ...

    def search(self, query: LogQuery) -> Sequence[LogRecord]:
        """At most `query.limit` records that satisfy all of `query`, newest first.

        Raises InputError for an unknown level or a limit outside 1 to MAX_LIMIT.
        """
        ...

    def remove_old(self) -> Sequence[str]:
        """Delete the days that retention has ended for; returns the names of what was deleted."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


def check_query(query: LogQuery) -> None:
    """Raises InputError for a level or a limit that does not exist."""
    if query.level and query.level not in LEVELS:
        raise InputError(f"no such level: {query.level!r}", advice=f"one of {', '.join(LEVELS)}")
    if not 1 <= query.limit <= MAX_LIMIT:
        raise InputError(f"the limit must be 1 to {MAX_LIMIT:,}, not {query.limit}")


def words_of(text: str) -> list[str]:
    """The words that a search asks for."""
    return _WORD.findall(text)
