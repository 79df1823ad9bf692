"""AST back to canonical text, as `/api/v1/format_query` answers; it parses to the same AST."""

from __future__ import annotations

import re

from collector.model.durations import format_duration
from collector.model.labels import METRIC_NAME, quote
from collector.model.matchers import Matcher
from collector.query.ast import (
    Aggregation,
    At,
    Binary,
    Call,
    DurationBinary,
    DurationCall,
    DurationExpr,
    DurationUnary,
    Expr,
    Matching,
    MatrixSelector,
    Number,
    Paren,
    String,
    Subquery,
    Unary,
    VectorSelector,
)
from collector.query.float_text import json_number

_PLAIN_LABEL = re.compile(r"[a-zA-Z_]\w*", re.ASCII)
_PLAIN_METRIC = re.compile(r"[a-zA-Z_:][\w:]*", re.ASCII)


def print_expr(expr: Expr) -> str:
    """One line of canonical PromQL."""
    match expr:
        case Number():
            return _number(expr)
        case String(value=value):
            return _quoted(value)
        case VectorSelector():
            return _selector(expr) + _modifiers(expr)
        case MatrixSelector(selector=selector, range=range_):
            return f"{_selector(selector)}[{_duration(range_)}]{_modifiers(selector)}"
        case Subquery():
            step = _duration(expr.step) if expr.step is not None else ""
            inner = print_expr(expr.expr)
            return f"{inner}[{_duration(expr.range)}:{step}]{_modifiers(expr)}"
        case Call(name=name, args=args):
            return f"{name}({', '.join(map(print_expr, args))})"
        case Aggregation():
            return _aggregation(expr)
        case Unary(operator=operator, expr=inner):
            return operator + print_expr(inner)
        case Paren(expr=inner):
            return f"({print_expr(inner)})"
        case Binary():
            boolean = " bool" if expr.return_bool else ""
            matching = _matching(expr.matching) if expr.matching else ""
            left, right = print_expr(expr.left), print_expr(expr.right)
            return f"{left} {expr.operator}{boolean}{matching} {right}"


def _aggregation(expr: Aggregation) -> str:
    clause = ""
    if expr.without:
        clause = f" without ({_names(expr.grouping)}) "
    elif expr.grouping:
        clause = f" by ({_names(expr.grouping)}) "
    param = f"{print_expr(expr.param)}, " if expr.param is not None else ""
    return f"{expr.operator}{clause}({param}{print_expr(expr.expr)})"


def _matching(matching: Matching) -> str:
    text = ""
    if matching.on or matching.labels or matching.cardinality in ("many-to-one", "one-to-many"):
        text = f" {'on' if matching.on else 'ignoring'} ({_names(matching.labels)})"
    if matching.cardinality in ("many-to-one", "one-to-many"):
        side = "left" if matching.cardinality == "many-to-one" else "right"
        text += f" group_{side} ({_names(matching.include)})"
    left, right = matching.fill_left, matching.fill_right
    if left is not None and right is not None and (left == right or left != left):
        return f"{text} fill ({json_number(left)})"
    text += f" fill_left ({json_number(left)})" if left is not None else ""
    return text + (f" fill_right ({json_number(right)})" if right is not None else "")


def _names(names: tuple[str, ...]) -> str:
    return ", ".join(_label(name) for name in names)


def _label(name: str) -> str:
    return name if _PLAIN_LABEL.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    escaped = quote(text)
    raw = escaped.encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "backslashreplace")


def _selector(selector: VectorSelector) -> str:
    name, inner = selector.name, []  # type: tuple[str, list[str]]
    plain = bool(_PLAIN_METRIC.fullmatch(name))
    for matcher in selector.matchers:
        is_name = matcher.kind == "=" and matcher.name == METRIC_NAME
        if not (name and is_name and matcher.value == name):
            inner.append(_matcher(matcher))
    if name and not plain:
        inner.insert(0, _quoted(name))
    braces = f"{{{','.join(inner)}}}" if inner or not plain else ""
    return (name if plain else "") + braces


def _matcher(matcher: Matcher) -> str:
    return f"{_label(matcher.name)}{matcher.kind}{_quoted(matcher.value)}"


def _modifiers(node: VectorSelector | Subquery) -> str:
    text = ""
    if isinstance(node, VectorSelector) and node.extension:
        text += f" {node.extension}"
    if node.at is not None:
        text += f" @ {_at(node.at)}"
    if node.offset is not None:
        text += f" offset {_offset(node.offset)}"
    return text


def _at(at: At) -> str:
    return f"{at.timestamp_ms / 1000:.3f}" if at.kind == "time" else f"{at.kind}()"


def _offset(offset: DurationExpr) -> str:
    if isinstance(offset, DurationBinary) and not offset.parenthesized:
        return f"({_duration(offset)})"
    return _duration(offset)


def _duration(duration: DurationExpr) -> str:
    match duration:
        case Number(value=value):
            return _number(Number(value, True))
        case DurationCall(name=name, args=args):
            return f"{name}({', '.join(map(_duration, args))})"
        case DurationUnary(operator=operator, operand=operand):
            inner = _duration(operand)
            bare = isinstance(operand, DurationBinary) and not operand.parenthesized
            return f"{operator}({inner})" if bare else operator + inner
        case DurationBinary():
            text = f"{_duration(duration.left)} {duration.operator} {_duration(duration.right)}"
            return f"({text})" if duration.parenthesized else text


def _number(number: Number) -> str:
    milliseconds = number.value * 1000
    if number.is_duration and milliseconds.is_integer() and abs(milliseconds) < 2**53:
        sign = "-" if milliseconds < 0 else ""
        return sign + format_duration(int(abs(milliseconds)))
    return json_number(number.value)
