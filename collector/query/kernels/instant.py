"""Element-wise functions on float64 arrays of any shape (numpy; NaN in, NaN out).

MISSING cells go through like any NaN: the caller puts their payload back.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from collector.model.samples import Float64s

Unary = Callable[[Float64s], Float64s]


def _sign(values: Float64s) -> Float64s:
    return np.where(values == 0, values, np.sign(values))  # the sign of -0 is -0


UNARY: dict[str, Unary] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "floor": np.floor,
    "exp": np.exp,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "sgn": _sign,
    "deg": np.degrees,
    "rad": np.radians,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
}


def round_to(values: Float64s, nearest: Float64s) -> Float64s:
    """Round half up to a multiple of `nearest` (float64[t])."""
    inverse = 1.0 / nearest
    rounded: Float64s = np.floor(values * inverse + 0.5) / inverse
    return rounded


def clamp(values: Float64s, low: Float64s | None, high: Float64s | None) -> Float64s:
    """Values within [low, high] (float64[t] each, None: open)."""
    if high is not None:
        values = np.minimum(values, high)
    return values if low is None else np.maximum(values, low)


_SECONDS_A_DAY = 86_400


def date_part(name: str, values: Float64s) -> Float64s:
    """A calendar field (UTC) of times in seconds since 1970; NaN for what is no time."""
    known = np.isfinite(values) & (np.abs(values) < 1e15)
    seconds = np.where(known, values, 0).astype(np.int64)
    days = np.floor_divide(seconds, _SECONDS_A_DAY)
    part = _PARTS[name](seconds, days).astype(np.float64)
    part[~known] = np.nan
    return part


def _dates(days: np.ndarray, unit: str) -> np.ndarray:
    return days.astype("datetime64[D]").astype(f"datetime64[{unit}]")


def _days(months: np.ndarray) -> np.ndarray:
    return months.astype("datetime64[D]").astype(np.int64)


_PARTS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "minute": lambda seconds, days: seconds % 3600 // 60,
    "hour": lambda seconds, days: seconds % _SECONDS_A_DAY // 3600,
    "day_of_week": lambda seconds, days: (days + 4) % 7,
    "day_of_month": lambda seconds, days: days - _days(_dates(days, "M")) + 1,
    "day_of_year": lambda seconds, days: days - _days(_dates(days, "Y")) + 1,
    "days_in_month": lambda seconds, days: _days(_dates(days, "M") + 1) - _days(_dates(days, "M")),
    "month": lambda seconds, days: _dates(days, "M").astype(np.int64) % 12 + 1,
    "year": lambda seconds, days: _dates(days, "Y").astype(np.int64) + 1970,
}


def arithmetic(operator: str, left: Float64s, right: Float64s) -> Float64s:
    """`left operator right` with Go's rules (`%` has the dividend's sign; x / 0 is Inf or NaN)."""
    with np.errstate(all="ignore"):
        return np.asarray(_ARITHMETIC[operator](left, right))


def compare(operator: str, left: Float64s, right: Float64s) -> np.ndarray:
    """Mask of the cells that satisfy a comparison; NaN satisfies only `!=`."""
    with np.errstate(all="ignore"):
        return np.asarray(_COMPARISON[operator](left, right))


_ARITHMETIC: dict[str, Callable[..., Float64s]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}
_COMPARISON: dict[str, Callable[..., np.ndarray]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    ">": np.greater,
    "<=": np.less_equal,
    ">=": np.greater_equal,
}
OPERATORS = frozenset((*_ARITHMETIC, *_COMPARISON))
"""The operators between two numbers; all others need native histograms."""
