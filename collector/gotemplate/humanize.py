"""Numbers for people: Prometheus's humanize functions, which rules and notifications share.

Source: https://prometheus.io/docs/prometheus/latest/configuration/template_reference/
"""

from __future__ import annotations

import math

from collector.gotemplate.floats import float_text
from collector.gotemplate.times import MILLISECOND, SECOND, duration_value, time_value
from collector.gotemplate.values import Typed, plain, type_name

_LARGE = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_SMALL = ("m", "u", "n", "p", "f", "a", "z", "y")
_BINARY = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_MAX_INT64 = 2.0**63


def to_float(value: object) -> float:
    """A number, or a text that is one, as float; raises ValueError otherwise."""
    if isinstance(value, Typed) and value.type_name == "time.Duration":
        nanoseconds = value.value
        return nanoseconds / SECOND if isinstance(nanoseconds, int) else math.nan
    inner = plain(value)
    if isinstance(inner, bool) or not isinstance(inner, int | float | str):
        raise ValueError(f"can't convert {type_name(value)} to float")
    try:
        return float(inner)
    except ValueError as error:
        raise ValueError(f'strconv.ParseFloat: parsing "{inner}": invalid syntax') from error


def _four(value: float) -> str:
    return float_text(value, "g", 4)


def _is_special(value: float) -> bool:
    return math.isnan(value) or math.isinf(value)


def humanize(value: object) -> str:
    """Four digits and a metric prefix: 1234567 is `1.235M`."""
    number = to_float(value)
    if number == 0 or _is_special(number):
        return _four(number)
    return _four_with_prefix(number) if abs(number) >= 1 else _small(number)


def _four_with_prefix(number: float) -> str:
    prefix = ""
    for one in _LARGE:
        if abs(number) < 1000:
            break
        prefix, number = one, number / 1000
    return _four(number) + prefix


def _small(number: float) -> str:
    prefix = ""
    for one in _SMALL:
        if abs(number) >= 1:
            break
        prefix, number = one, number * 1000
    return _four(number) + prefix


def humanize1024(value: object) -> str:
    """Four digits and a binary prefix: 2048 is `2ki`."""
    number = to_float(value)
    if abs(number) <= 1 or _is_special(number):
        return _four(number)
    prefix = ""
    for one in _BINARY:
        if abs(number) < 1024:
            break
        prefix, number = one, number / 1024
    return _four(number) + prefix


def humanize_duration(value: object) -> str:
    """Seconds as `1d 2h 3m 4s`, or as `1.5s`, `20ms`."""
    number = to_float(value)
    if _is_special(number):
        return _four(number)
    if number == 0:
        return "0s"
    if abs(number) < 1:
        return _small(number) + "s"
    sign, number = ("-" if number < 0 else ""), abs(number)
    days, hours, minutes, seconds = _parts(number)
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{_four(number)}s"


def _parts(seconds: float) -> tuple[int, int, int, int]:
    """Days, hours, minutes, seconds; past 64 bits all are what Go's int64 makes of them."""
    past = seconds >= _MAX_INT64
    whole = int(_MAX_INT64) if past else int(seconds)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    factor = -1 if past else 1
    return factor * days, factor * hours, factor * minutes, factor * rest


def humanize_percentage(value: object) -> str:
    """A ratio as per cent: 0.1234 is `12.34%`."""
    return _four(to_float(value) * 100) + "%"


def humanize_timestamp(value: object) -> str:
    """Unix seconds as a time in UTC."""
    number = to_float(value)
    return _four(number) if _is_special(number) else to_time(number).text or ""


def to_time(value: object) -> Typed:
    """Unix seconds as a time.Time in UTC, to the millisecond."""
    number = to_float(value)
    if _is_special(number):
        raise ValueError("value is NaN or Inf")
    nanoseconds = number * 1e9
    if abs(nanoseconds) >= _MAX_INT64:
        raise ValueError(
            f"{float_text(nanoseconds, 'g', None)} cannot be represented as a nanoseconds "
            "timestamp since it overflows int64"
        )
    # toward zero, as Go divides
    return time_value(int(int(nanoseconds) / MILLISECOND) * MILLISECOND)


def to_duration(value: object) -> Typed:
    """Seconds as a time.Duration."""
    number = to_float(value)
    if _is_special(number):
        raise ValueError("value is NaN or Inf")
    nanoseconds = number * 1e9
    if abs(nanoseconds) >= _MAX_INT64:
        raise ValueError(f"{number} s overflow a duration")
    return duration_value(int(nanoseconds))
