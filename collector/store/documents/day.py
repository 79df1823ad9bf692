"""Names of the pieces that logs are kept in, one a level and UTC day: retention deletes wholes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from collector.model.records import LogRecord
from collector.store.documents.interface import DAY_MS, LEVELS, Retention

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """The records of one level and one UTC day, counted from 1970."""

    day: int
    level: str

    @classmethod
    def of(cls, record: LogRecord) -> Piece:
        """Where a record belongs."""
        return cls(record.timestamp_ms // DAY_MS, record.level)

    @property
    def date(self) -> date:
        """The day."""
        return _EPOCH + timedelta(days=self.day)

    def has_expired(self, retention: Retention, now_ms: int) -> bool:
        """Whether its newest possible record is older than its level is kept."""
        return (self.day + 1) * DAY_MS <= now_ms - retention.of(self.level)

    def name(self, pattern: str) -> str:
        """`pattern` with `{level}` and `{date:…}` filled in."""
        return pattern.format(level=self.level, date=self.date)


def read_name(name: str, pattern: re.Pattern[str], date_format: str) -> Piece | None:
    """The piece that a name stands for; None for any other name.

    `pattern` has the groups `level` and `date`.
    """
    match = pattern.fullmatch(name)
    if match is None or match["level"] not in LEVELS:
        return None
    try:
        found = datetime.strptime(match["date"], date_format).replace(tzinfo=UTC).date()
    except ValueError:
        return None
    return Piece(found.toordinal() - _EPOCH.toordinal(), match["level"])
