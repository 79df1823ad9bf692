"""Walks over an AST: its nodes, its calls, its selectors."""

from __future__ import annotations

from collections.abc import Iterator

from collector.query.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Paren,
    Subquery,
    Unary,
    VectorSelector,
)


def nodes_in(expr: Expr) -> Iterator[Expr]:
    """The expression and all below it, parents first."""
    yield expr
    for child in _children(expr):
        yield from nodes_in(child)


def calls_in(expr: Expr) -> Iterator[Call]:
    """Every function call."""
    return (node for node in nodes_in(expr) if isinstance(node, Call))


def selectors_in(expr: Expr) -> Iterator[VectorSelector]:
    """Every selector, those of range vectors too."""
    return (node for node in nodes_in(expr) if isinstance(node, VectorSelector))


def _children(expr: Expr) -> tuple[Expr, ...]:
    match expr:
        case MatrixSelector(selector=selector):
            return (selector,)
        case Subquery(expr=inner) | Unary(expr=inner) | Paren(expr=inner):
            return (inner,)
        case Call(args=args):
            return args
        case Aggregation(expr=inner, param=param):
            return (inner,) if param is None else (param, inner)
        case Binary(left=left, right=right):
            return (left, right)
        case _:
            return ()
