"""Go's time.Time and time.Duration as template values: layouts, zones, and the usual methods.

Source: https://pkg.go.dev/time (layout constants, Duration.String). Times are nanoseconds since
1970; years outside 1 to 9999 are an error, as no calendar library here holds them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from collector.gotemplate.values import Typed

NANOSECOND, MICROSECOND, MILLISECOND, SECOND = 1, 1_000, 1_000_000, 1_000_000_000
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STRING = "2006-01-02 15:04:05.999999999 -0700 MST"
_LAYOUT = re.compile(
    r"January|Jan|Monday|Mon|MST|2006|002|__2|_2|01|02|03|04|05|06|15|PM|pm"
    r"|-07:00:00|-070000|-07:00|-0700|-07|Z07:00:00|Z070000|Z07:00|Z0700|Z07"
    r"|[.,](?:0+|9+)(?!\d)|1|2|3|4|5"
)


def time_value(nanoseconds: int, zone: tzinfo = UTC) -> Typed:
    """A time.Time; raises ValueError for a year that has no four digits."""
    try:
        moment = (_EPOCH + timedelta(seconds=nanoseconds // SECOND)).astimezone(zone)
    except OverflowError as error:
        raise ValueError(f"{nanoseconds} ns since 1970 is past the year 9999") from error
    fraction = nanoseconds % SECOND
    return Typed(
        "time.Time",
        value=nanoseconds,
        fields={},
        text=format_time(moment, fraction, _STRING),
        methods={
            "Format": lambda layout: format_time(moment, fraction, str(layout)),
            "String": lambda: format_time(moment, fraction, _STRING),
            "Unix": lambda: nanoseconds // SECOND,
            "UnixMilli": lambda: nanoseconds // MILLISECOND,
            "UnixNano": lambda: nanoseconds,
            "UTC": lambda: time_value(nanoseconds),
            "In": lambda name: time_value(nanoseconds, zone_named(str(name))),
            "Year": lambda: moment.year,
            "Month": lambda: _named("time.Month", moment.month, moment.strftime("%B")),
            "Day": lambda: moment.day,
            "Hour": lambda: moment.hour,
            "Minute": lambda: moment.minute,
            "Second": lambda: moment.second,
            "Weekday": lambda: _named(
                "time.Weekday", moment.isoweekday() % 7, moment.strftime("%A")
            ),
            "YearDay": lambda: moment.timetuple().tm_yday,
            "IsZero": lambda: nanoseconds == ZERO_TIME_NS,
            "Add": lambda duration: time_value(nanoseconds + _ns(duration), zone),
            "Sub": lambda other: duration_value(nanoseconds - _ns(other)),
            "After": lambda other: nanoseconds > _ns(other),
            "Before": lambda other: nanoseconds < _ns(other),
            "Equal": lambda other: nanoseconds == _ns(other),
        },
    )


ZERO_TIME_NS = -62_135_596_800 * SECOND
"""Go's zero time: the first second of the year 1."""


def _named(type_name: str, number: int, text: str) -> Typed:
    return Typed(type_name, value=number, text=text)


def _ns(value: object) -> int:
    inner = value.value if isinstance(value, Typed) else value
    if isinstance(inner, bool) or not isinstance(inner, int):
        raise ValueError("not a time or duration")
    return inner


def zone_named(name: str) -> tzinfo:
    """A time zone of the IANA database; raises ValueError for an unknown one."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name}") from error


def format_time(moment: datetime, fraction_ns: int, layout: str) -> str:
    """A time as Go's layout shows the reference time Mon Jan 2 15:04:05 MST 2006."""
    return _LAYOUT.sub(lambda match: _part(match.group(), moment, fraction_ns), layout)


def _part(token: str, moment: datetime, fraction_ns: int) -> str:
    if token[0] in ".,":
        digits = f"{fraction_ns:09d}"[: len(token) - 1].ljust(len(token) - 1, "0")
        digits = digits.rstrip("0") if token[1] == "9" else digits
        return token[0] + digits if digits else ""
    if token[0] in "-Z":
        return _offset(token, moment)
    hour = moment.hour % 12 or 12
    day_of_year = moment.timetuple().tm_yday
    parts = {
        "2006": f"{moment.year:04d}",
        "06": f"{moment.year % 100:02d}",
        "January": moment.strftime("%B"),
        "Jan": moment.strftime("%b"),
        "01": f"{moment.month:02d}",
        "1": str(moment.month),
        "Monday": moment.strftime("%A"),
        "Mon": moment.strftime("%a"),
        "02": f"{moment.day:02d}",
        "_2": f"{moment.day:2d}",
        "2": str(moment.day),
        "002": f"{day_of_year:03d}",
        "__2": f"{day_of_year:3d}",
        "15": f"{moment.hour:02d}",
        "03": f"{hour:02d}",
        "3": str(hour),
        "04": f"{moment.minute:02d}",
        "4": str(moment.minute),
        "05": f"{moment.second:02d}",
        "5": str(moment.second),
        "PM": "PM" if moment.hour >= 12 else "AM",
        "pm": "pm" if moment.hour >= 12 else "am",
        "MST": moment.tzname() or "UTC",
    }
    return parts[token]


def _offset_seconds(moment: datetime) -> int:
    offset = moment.utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _offset(token: str, moment: datetime) -> str:
    seconds = _offset_seconds(moment)
    if token[0] == "Z" and seconds == 0:
        return "Z"
    sign = "-" if seconds < 0 else "+"
    hours, rest = divmod(abs(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    shape = token[1:]
    separator = ":" if ":" in shape else ""
    parts = [hours, minutes, seconds][: len(shape.replace(":", "")) // 2]
    return sign + separator.join(f"{part:02d}" for part in parts)


def duration_value(nanoseconds: int) -> Typed:
    """A time.Duration."""
    return Typed(
        "time.Duration",
        value=nanoseconds,
        text=duration_text(nanoseconds),
        methods={
            "String": lambda: duration_text(nanoseconds),
            "Nanoseconds": lambda: nanoseconds,
            "Microseconds": lambda: int(nanoseconds / MICROSECOND),
            "Milliseconds": lambda: int(nanoseconds / MILLISECOND),
            "Seconds": lambda: nanoseconds / SECOND,
            "Minutes": lambda: nanoseconds / MINUTE,
            "Hours": lambda: nanoseconds / HOUR,
            "Abs": lambda: duration_value(abs(nanoseconds)),
            "Round": lambda unit: duration_value(_rounded(nanoseconds, _ns(unit))),
            "Truncate": lambda unit: duration_value(_truncated(nanoseconds, _ns(unit))),
        },
    )


def _rounded(nanoseconds: int, unit: int) -> int:
    if unit <= 0:
        return nanoseconds
    size = (abs(nanoseconds) + unit // 2) // unit * unit
    return -size if nanoseconds < 0 else size


def _truncated(nanoseconds: int, unit: int) -> int:
    if unit <= 0:
        return nanoseconds
    size = abs(nanoseconds) // unit * unit
    return -size if nanoseconds < 0 else size


def duration_text(nanoseconds: int) -> str:
    """`1h2m3.5s`, `1.5ms`, `0s`: Go's Duration.String."""
    if nanoseconds == 0:
        return "0s"
    sign, size = ("-" if nanoseconds < 0 else ""), abs(nanoseconds)
    if size < SECOND:
        for unit, name in ((MILLISECOND, "ms"), (MICROSECOND, "µs"), (NANOSECOND, "ns")):
            if size >= unit:
                return f"{sign}{_decimal(size, unit)}{name}"
    hours, rest = divmod(size, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    text = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{text}{_decimal(rest, SECOND)}s"


def _decimal(size: int, unit: int) -> str:
    whole, rest = divmod(size, unit)
    fraction = str(rest).zfill(len(str(unit)) - 1).rstrip("0") if rest else ""
    return f"{whole}.{fraction}" if fraction else str(whole)
