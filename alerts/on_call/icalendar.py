"""Shifts as a calendar feed that calendars subscribe to. Pure. Source: RFC 5545."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from alerts.on_call.schedule import Shift

MAX_LINE_BYTES = 75
CONTENT_TYPE = "text/calendar; charset=utf-8"
REFRESH = "PT1H"


def calendar(name: str, shifts: Iterable[tuple[str, Shift]], now_ms: int) -> str:
    """The text of a calendar; `shifts` are (schedule, shift), those of nobody are left out."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//tocsin//on call//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{_text(name)}",
        f"X-WR-CALNAME:{_text(name)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{REFRESH}",
        f"X-PUBLISHED-TTL:{REFRESH}",
    ]
    for schedule, shift in shifts:
        if shift.person:
            lines += _event(schedule, shift, now_ms)
    lines.append("END:VCALENDAR")
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def _event(schedule: str, shift: Shift, now_ms: int) -> list[str]:
    """A shift's identity is where and when it begins: whose it is may change."""
    return [
        "BEGIN:VEVENT",
        f"UID:{_text(f'{schedule}-{shift.start_ms}@tocsin')}",
        f"DTSTAMP:{_time(now_ms)}",
        f"DTSTART:{_time(shift.start_ms)}",
        f"DTEND:{_time(shift.end_ms)}",
        f"SUMMARY:{_text(f'On call: {shift.person} ({schedule})')}",
        f"DESCRIPTION:{_text(shift.source)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")


def _text(value: str) -> str:
    """Section 3.3.11: what would end a value is escaped."""
    escaped = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return escaped.replace("\r", "").replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """Section 3.1: lines of 75 octets at most, no character torn apart."""
    part, size = "", 0
    for char in line:
        width = len(char.encode("utf-8", "replace"))
        if size + width > MAX_LINE_BYTES:
            yield part
            part, size = " ", 1
        part, size = part + char, size + width
    yield part
