"""Times as people write and read them; what names no zone is UTC."""

from __future__ import annotations

from datetime import UTC, datetime

from collector.model.durations import parse_duration_ms
from collector.model.errors import InputError

_LAST_SECOND = 253_402_300_799
"""The end of the year 9999: a date can't say more."""


def time_text(ms: int) -> str:
    """`2026-01-31 12:00:00`, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def moment_ms(text: str, field: str, now_ms: int) -> int:
    """What `time_ms` takes, or how long ago (`90d`); `now` and nothing are now.

    Raises InputError, which names the field, for anything else.
    """
    text = text.strip()
    if text in ("", "now"):
        return now_ms
    if not text.isdigit():
        try:
            return now_ms - parse_duration_ms(text)
        except InputError:
            pass  # a time, or wrong as one
    return time_ms(text, field)


def time_ms(text: str, field: str) -> int:
    """RFC 3339, or Unix seconds. Raises InputError, which names the field."""
    wrong = InputError(
        f"{field}: not a time: {text[:60]!r}",
        advice="write 2026-01-31 12:00:00 (UTC), RFC 3339 or Unix seconds",
    )
    try:
        seconds = _unix_seconds(text)
    except ValueError:
        raise wrong from None
    if not 0 <= seconds <= _LAST_SECOND:
        raise wrong
    return round(seconds * 1000)


def _unix_seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
