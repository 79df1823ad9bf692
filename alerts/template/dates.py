"""A text in one of Go's time layouts, read: `toDate` and `mustToDate`.

The layout's parts are those of https://pkg.go.dev/time#pkg-constants that name a moment; a zone is
a numeric offset or `Z`, and UTC where there is none.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from collector.gotemplate.times import SECOND

_PARTS = {
    "2006": ("year", r"\d{4}"), "06": ("short_year", r"\d\d"),
    "January": ("month_name", r"[A-Za-z]+"), "Jan": ("month_name", r"[A-Za-z]{3}"),
    "01": ("month", r"\d\d"), "1": ("month", r"\d\d?"),
    "Monday": ("", r"[A-Za-z]+"), "Mon": ("", r"[A-Za-z]{3}"),
    "02": ("day", r"\d\d"), "_2": ("day", r" ?\d\d?"), "2": ("day", r"\d\d?"),
    "15": ("hour", r"\d\d"), "03": ("hour", r"\d\d"), "3": ("hour", r"\d\d?"),
    "04": ("minute", r"\d\d"), "4": ("minute", r"\d\d?"),
    "05": ("second", r"\d\d"), "5": ("second", r"\d\d?"),
    "PM": ("half", "AM|PM"), "pm": ("half", "am|pm"), "MST": ("", "UTC|GMT"),
    "Z07:00": ("offset", r"Z|[+-]\d\d:\d\d"), "-07:00": ("offset", r"[+-]\d\d:\d\d"),
    "Z0700": ("offset", r"Z|[+-]\d{4}"), "-0700": ("offset", r"[+-]\d{4}"),
}  # fmt: skip
_TOKEN = re.compile(
    r"[.,](?:0+|9+)(?!\d)|" + "|".join(sorted(map(re.escape, _PARTS), key=len, reverse=True))
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def parsed_time(layout: str, text: str) -> int:
    """Nanoseconds since 1970 of the moment; raises ValueError for a text of another form."""
    match = re.fullmatch(_pattern(layout), text)
    if match is None:
        raise ValueError(f'parsing time "{text}" as "{layout}": it has another form')
    parts = {name: value for name, value in match.groupdict().items() if value is not None}
    moment = datetime(
        _year(parts),
        _month(parts),
        int(parts.get("day", 1)),
        _hour(parts),
        int(parts.get("minute", 0)),
        int(parts.get("second", 0)),
        tzinfo=_zone(parts.get("offset", "Z")),
    )
    since_1970 = moment - datetime(1970, 1, 1, tzinfo=UTC)
    whole = since_1970 // timedelta(seconds=1)
    return whole * SECOND + int(parts.get("fraction", "").ljust(9, "0")[:9])


def _pattern(layout: str) -> str:
    pattern, at, seen = "", 0, set[str]()
    for token in _TOKEN.finditer(layout):
        pattern += re.escape(layout[at : token.start()])
        at = token.end()
        if token[0][0] in ".,":
            name, form = "fraction", ""
            pattern += r"(?:[.,](?P<fraction>\d+))?" if name not in seen else r"(?:[.,]\d+)?"
        else:
            name, form = _PARTS[token[0]]
            pattern += f"(?P<{name}>{form})" if name and name not in seen else f"(?:{form})"
            # Go reads a fraction of seconds that the layout does not name
            follows = layout[at : at + 2]
            if name == "second" and not re.match(r"[.,][09]", follows):
                pattern += r"(?:[.,](?P<fraction>\d+))?"
                seen.add("fraction")
        seen.add(name)
    return pattern + re.escape(layout[at:])


def _year(parts: dict[str, str]) -> int:
    if "short_year" in parts:
        short = int(parts["short_year"])
        return short + (1900 if short >= 69 else 2000)
    return int(parts.get("year", 1))


def _month(parts: dict[str, str]) -> int:
    if "month_name" in parts:
        name = parts["month_name"][:3].lower()
        if name not in _MONTHS:
            raise ValueError(f"{parts['month_name']} is no month")
        return _MONTHS.index(name) + 1
    return int(parts.get("month", 1))


def _hour(parts: dict[str, str]) -> int:
    hour = int(parts.get("hour", 0))
    half = parts.get("half", "").upper()
    return hour % 12 + (12 if half == "PM" else 0) if half else hour


def _zone(offset: str) -> timezone:
    if offset == "Z":
        return UTC
    digits = offset[1:].replace(":", "")
    distance = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-distance if offset[0] == "-" else distance)
