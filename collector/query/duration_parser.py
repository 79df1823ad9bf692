"""Durations with arithmetic: `[5m * 2]`, `offset (step() + 1m)`, `offset -min_of(step(), 1s)`.

Between brackets the whole expression is a duration; after `offset` only a signed number, a call or
something in parentheses is, so that `x offset 5m + 2` adds 2 to the values.
"""

from __future__ import annotations

from collector.query.ast import (
    DurationBinary,
    DurationCall,
    DurationExpr,
    DurationUnary,
    Number,
)
from collector.query.positions import Span
from collector.query.token_stream import TokenStream

_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "%": 2, "^": 4}
_UNARY_OPERAND = 3
MAX_DEPTH = 20
"""Levels of one duration, where each operator of a chain is one: no person writes more."""
_CALLS = {"step": 0, "range": 0, "min_of": 2, "max_of": 2}


def in_brackets(tokens: TokenStream) -> DurationExpr:
    """A range or a subquery's step. Raises QueryError; a constant one must be positive."""
    start = tokens.next.start
    duration = _expression(tokens, 0, 0)
    if isinstance(duration, Number) and duration.value <= 0:
        raise tokens.error_at(start, "duration must be greater than 0")
    return duration


def offset(tokens: TokenStream) -> DurationExpr:
    """What stands after `offset`."""
    if tokens.at_symbol("-") or tokens.at_symbol("+"):
        sign = tokens.take()
        operand = _primary(tokens, 0)
        return _unary(sign.text, operand, Span(sign.start, operand.span.end))
    return _primary(tokens, 0)


def _expression(tokens: TokenStream, at_least: int, depth: int) -> DurationExpr:
    if tokens.at_symbol("-") or tokens.at_symbol("+"):
        sign = tokens.take()
        operand = _expression(tokens, _UNARY_OPERAND, _deeper(tokens, depth))
        left = _unary(sign.text, operand, Span(sign.start, operand.span.end))
    else:
        left = _primary(tokens, depth)
    while True:
        operator = tokens.next.text
        precedence = _PRECEDENCE.get(operator, 0) if tokens.next.kind == "symbol" else 0
        if precedence == 0 or precedence < at_least:
            return left
        tokens.take()
        depth = _deeper(tokens, depth)
        right = _expression(tokens, precedence if operator == "^" else precedence + 1, depth)
        span = Span(left.span.start, right.span.end)
        left = DurationBinary(operator, left, right, span=span)


def _deeper(tokens: TokenStream, depth: int) -> int:
    if depth == MAX_DEPTH:
        raise tokens.error(f"the duration is nested or chained more than {MAX_DEPTH} levels deep")
    return depth + 1


def _primary(tokens: TokenStream, depth: int) -> DurationExpr:
    token = tokens.next
    if tokens.at_symbol("("):
        tokens.take()
        inner = _expression(tokens, 0, _deeper(tokens, depth))
        end = tokens.expect(")").end
        if isinstance(inner, DurationBinary):
            span = Span(token.start, end)
            return DurationBinary(inner.operator, inner.left, inner.right, True, span)
        return inner
    if token.kind == "word" and token.text.lower() in _CALLS and tokens.is_symbol_after("("):
        return _call(tokens, _deeper(tokens, depth))
    return tokens.number()


def _call(tokens: TokenStream, depth: int) -> DurationExpr:
    name = tokens.take()
    tokens.expect("(")
    args: list[DurationExpr] = []
    while not tokens.at_symbol(")"):
        args.append(_expression(tokens, 0, depth))
        if not tokens.at_symbol(","):
            break
        tokens.take()
    end = tokens.expect(")").end
    wanted = _CALLS[name.text.lower()]
    if len(args) != wanted:
        message = f"expected {wanted} argument(s) in call to {name.text}(), got {len(args)}"
        raise tokens.error_at(name.start, message)
    return DurationCall(name.text.lower(), tuple(args), Span(name.start, end))


def _unary(sign: str, operand: DurationExpr, span: Span) -> DurationExpr:
    if isinstance(operand, Number):
        value = -operand.value if sign == "-" else operand.value
        return Number(value, operand.is_duration, span)
    return DurationUnary(sign, operand, span)
