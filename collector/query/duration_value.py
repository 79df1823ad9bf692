"""What a duration expression comes to, once the query's step and range are known."""

from __future__ import annotations

import math

from collector.model.errors import QueryError
from collector.query.ast import (
    DurationBinary,
    DurationCall,
    DurationExpr,
    DurationUnary,
    Number,
)

_MAX_SECONDS = 9_223_372_036.0


def milliseconds(duration: DurationExpr, step_ms: int, range_ms: int, *, positive: bool) -> int:
    """Whole milliseconds. Raises QueryError when out of range, or not above 0 but `positive`."""
    seconds = _seconds(duration, step_ms / 1000, range_ms / 1000)
    position = duration.span.start
    if math.isnan(seconds) or abs(seconds) > _MAX_SECONDS:
        raise QueryError("duration out of range", position=position)
    if positive and seconds <= 0:
        raise QueryError("duration must be greater than 0", position=position)
    return round(seconds * 1000)


def _seconds(duration: DurationExpr, step: float, range_: float) -> float:
    match duration:
        case Number(value=value):
            return value
        case DurationUnary(operator=operator, operand=operand):
            value = _seconds(operand, step, range_)
            return -value if operator == "-" else value
        case DurationCall(name="step"):
            return step
        case DurationCall(name="range"):
            return range_
        case DurationCall(name=name, args=args):
            choose = min if name == "min_of" else max
            return choose(_seconds(arg, step, range_) for arg in args)
        case DurationBinary():
            left = _seconds(duration.left, step, range_)
            right = _seconds(duration.right, step, range_)
            return _combine(duration, left, right)


def _power(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except (OverflowError, ValueError):  # too large, or no real number: refused as out of range
        return math.nan


def _combine(duration: DurationBinary, left: float, right: float) -> float:
    match duration.operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "^":
            return _power(left, right)
    if right == 0:
        word = "division" if duration.operator == "/" else "modulo"
        raise QueryError(f"{word} by zero", position=duration.span.start)
    return left / right if duration.operator == "/" else math.fmod(left, right)
