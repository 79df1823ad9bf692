"""A float as Prometheus writes it into `le` and `quantile`: Go's shortest %g, with `.0` on wholes.

Prometheus 3 rewrites these label values when it scrapes, so that `le="1"` and `le="1.0"` are one
series; rules and dashboards written for it name the rewritten value.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WORD = re.compile(r"[+-]?inf(?:inity)?|nan", re.IGNORECASE)

LARGE_EXPONENT = 6
SMALL_EXPONENT = -4


def format_bound(value: float) -> str:
    """`1.0`, `0.25`, `1e+06`, `+Inf`: the label value of a bucket bound or a quantile."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    power = len(digits) + int(exponent) - 1
    text = "".join(map(str, digits))
    if value == 0:
        plain = "0.0"
    elif power < SMALL_EXPONENT or power >= LARGE_EXPONENT:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        plain = f"{text[0]}{fraction}e{'-' if power < 0 else '+'}{abs(power):02d}"
    else:
        plain = _without_exponent(text, power)
    return f"-{plain}" if sign else plain


def _without_exponent(digits: str, power: int) -> str:
    if power < 0:
        return f"0.{'0' * (-power - 1)}{digits}"
    whole, fraction = digits[: power + 1].ljust(power + 1, "0"), digits[power + 1 :]
    return f"{whole}.{fraction or '0'}"


def normalize_bound(text: str) -> str:
    """The same for a bound that is written already; text that Go reads no number in stays."""
    if _WORD.fullmatch(text):
        return format_bound(float(text))
    if not _DECIMAL.fullmatch(text) or math.isinf(float(text)):
        return text
    return format_bound(float(text))
