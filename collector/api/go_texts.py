"""Texts as Go's standard library writes them, where clients parse them back."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from collector.query.float_text import shortest

NEVER = "0001-01-01T00:00:00Z"
"""What Go's zero time looks like: clients of Prometheus know it as "not yet"."""


def rfc3339(ms: int) -> str:
    """A time as `2024-01-31T12:00:00.5Z`, without zeros at the end; NEVER for 0."""
    if not ms:
        return NEVER
    whole, rest = divmod(ms, 1000)
    fraction = f".{rest:03d}".rstrip("0") if rest else ""
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def scientific(value: float) -> str:
    """The shortest text with an exponent, as `strconv` writes format 'e': `1e+00`, `2.5e-07`."""
    if not math.isfinite(value):
        return shortest(value)
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    digits, point = _digits(shortest(abs(value)))
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    exponent = point - 1 if digits != "0" else 0
    return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _digits(text: str) -> tuple[str, int]:
    """The significant digits of a plain decimal, and where the point stands among them."""
    whole, _, fraction = text.partition(".")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole + fraction) - len(digits)
    return digits.rstrip("0") or "0", len(whole) - leading
