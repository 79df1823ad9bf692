"""Floats as Go's strconv.FormatFloat writes them."""

from __future__ import annotations

import math

SHORTEST_PRECISION = 6
"""Where the shortest text changes to an exponent: 1e+06 (strconv/ftoa.go)."""


def float_text(value: float, verb: str, precision: int | None) -> str:
    """One float by a verb of fmt; `precision` None is the shortest text (`%e`, `%f`: 6 digits)."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    match verb:
        case "e" | "E":
            text = format(value, f".{6 if precision is None else precision}e")
        case "f" | "F":
            return format(value, f".{6 if precision is None else precision}f")
        case "x" | "X":
            text = _hexadecimal(value)
        case "b":
            mantissa, exponent = _binary(value)
            return f"{mantissa}p{exponent:+d}"
        case _:
            text = _general(value, precision)
    return text.upper() if verb in "EGX" else text


def shortest(value: float) -> str:
    """`%v`: the shortest text that reads back as the same float."""
    return float_text(value, "g", None)


def shortest_scientific(value: float) -> str:
    """The shortest text with an exponent, `4.2E+01` (strconv.FormatFloat with 'E', -1)."""
    if not math.isfinite(value):
        return float_text(value, "g", None)
    digits, exponent = _shortest_digits(value)
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    return f"{sign}{_with_point(digits, 1)}E{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _general(value: float, precision: int | None) -> str:
    if precision is None:
        precision = SHORTEST_PRECISION
        digits, exponent = _shortest_digits(value)
    else:
        precision = max(precision, 1)
        digits, exponent = _digits(format(value, f".{precision - 1}e"))
        digits = digits.rstrip("0") or "0"
    sign = "-" if math.copysign(1.0, value) < 0 else ""
    if exponent < -4 or exponent >= precision:
        return f"{sign}{_with_point(digits, 1)}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    return sign + _with_point(digits.ljust(exponent + 1, "0"), exponent + 1)


def _with_point(digits: str, at: int) -> str:
    return f"{digits[:at]}.{digits[at:]}" if len(digits) > at else digits


def _shortest_digits(value: float) -> tuple[str, int]:
    """Significant digits without a point, and the decimal exponent of the first."""
    if value == 0:
        return "0", 0
    digits, _, power = repr(abs(value)).partition("e")
    whole, _, fraction = digits.partition(".")
    both = whole + fraction
    leading = len(both) - len(both.lstrip("0"))
    exponent = len(whole) - 1 - leading + int(power or 0)
    return both.strip("0") or "0", exponent


def _digits(scientific: str) -> tuple[str, int]:
    mantissa, _, power = scientific.lstrip("-").partition("e")
    return mantissa.replace(".", ""), int(power)


def _hexadecimal(value: float) -> str:
    """`%x` of a float: -0x1.23p+20, the exponent of at least two digits."""
    mantissa, _, power = value.hex().partition("p")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    if mantissa.endswith("x"):
        mantissa += "0"
    return f"{mantissa}p{power[0]}{int(power[1:]):02d}"


def _binary(value: float) -> tuple[int, int]:
    fraction, exponent = math.frexp(value)
    return int(fraction * 2**53), exponent - 53
