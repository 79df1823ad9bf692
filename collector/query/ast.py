"""Frozen nodes of PromQL. They say what was written; `plan` says what it means for one query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from collector.model.matchers import Matcher
from collector.query.positions import NO_SPAN, Span


@dataclass(frozen=True, slots=True)
class Number:
    """`1.5`, `0x1f`, `Inf`, or `5m` (then `is_duration`, and the value is in seconds)."""

    value: float
    is_duration: bool = False
    span: Span = NO_SPAN


@dataclass(frozen=True, slots=True)
class String:
    """A quoted text; bytes that are not UTF-8 are kept as surrogate escapes."""

    value: str
    span: Span = NO_SPAN


@dataclass(frozen=True, slots=True)
class DurationCall:
    """`step()`, `range()`, `min_of(a, b)` or `max_of(a, b)` where a duration stands."""

    name: str
    args: tuple[DurationExpr, ...] = ()
    span: Span = NO_SPAN


@dataclass(frozen=True, slots=True)
class DurationUnary:
    """`-d` or `+d`."""

    operator: str
    operand: DurationExpr
    span: Span = NO_SPAN


@dataclass(frozen=True, slots=True)
class DurationBinary:
    """`a + b` and the like, in seconds; `parenthesized` when it was written so."""

    operator: str
    left: DurationExpr
    right: DurationExpr
    parenthesized: bool = False
    span: Span = NO_SPAN


DurationExpr = Number | DurationCall | DurationUnary | DurationBinary


@dataclass(frozen=True, slots=True)
class At:
    """`@ 1700000000`, `@ start()` or `@ end()`."""

    kind: Literal["time", "start", "end"]
    timestamp_ms: int = 0


Extension = Literal["", "anchored", "smoothed"]
Gives = Literal["value", "time", "start time"]
"""What a selector gives of a sample: its value, its time, or when its counter began."""


@dataclass(frozen=True, slots=True)
class VectorSelector:
    """`name{matchers} offset 5m @ 10`; `matchers` hold the one for `__name__` too.

    `name` is the metric's name where it was written outside of the braces.
    """

    name: str
    matchers: tuple[Matcher, ...]
    offset: DurationExpr | None = None
    at: At | None = None
    extension: Extension = ""
    span: Span = NO_SPAN


@dataclass(frozen=True, slots=True)
class MatrixSelector:
    """`selector[range]`; offset, `@` and extension stand in the selector."""

    selector: VectorSelector
    range: DurationExpr
    span: Span = NO_SPAN


@dataclass(frozen=True, slots=True)
class Subquery:
    """`expr[range:step]`."""

    expr: Expr
    range: DurationExpr
    step: DurationExpr | None = None
    offset: DurationExpr | None = None
    at: At | None = None
    span: Span = NO_SPAN


@dataclass(frozen=True, slots=True)
class Call:
    """A function call."""

    name: str
    args: tuple[Expr, ...]
    span: Span = NO_SPAN


@dataclass(frozen=True, slots=True)
class Aggregation:
    """`sum by (labels) (param, expr)`."""

    operator: str
    expr: Expr
    param: Expr | None = None
    grouping: tuple[str, ...] = ()
    without: bool = False
    span: Span = NO_SPAN


@dataclass(frozen=True, slots=True)
class Unary:
    """`-expr` or `+expr`."""

    operator: str
    expr: Expr
    span: Span = NO_SPAN


Cardinality = Literal["one-to-one", "many-to-one", "one-to-many", "many-to-many"]


@dataclass(frozen=True, slots=True)
class Matching:
    """How two vectors are joined; `include` are the labels of `group_left(…)`."""

    cardinality: Cardinality = "one-to-one"
    on: bool = False
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`; `matching` only when both sides are vectors."""

    operator: str
    left: Expr
    right: Expr
    return_bool: bool = False
    matching: Matching | None = None
    span: Span = NO_SPAN


@dataclass(frozen=True, slots=True)
class Paren:
    """`(expr)`."""

    expr: Expr
    span: Span = NO_SPAN


Expr = (
    Number
    | String
    | VectorSelector
    | MatrixSelector
    | Subquery
    | Call
    | Aggregation
    | Unary
    | Binary
    | Paren
)

SET_OPERATORS = frozenset(("and", "or", "unless"))
COMPARISONS = frozenset(("==", "!=", "<", ">", "<=", ">="))
AGGREGATORS = frozenset(
    [
        "sum",
        "avg",
        "min",
        "max",
        "count",
        "group",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "quantile",
        "count_values",
        "limitk",
        "limit_ratio",
    ]
)
PARAMETRIC_AGGREGATORS = frozenset(
    ("topk", "bottomk", "quantile", "count_values", "limitk", "limit_ratio")
)


def unwrap(expr: Expr) -> Expr:
    """The expression without the parentheses around it."""
    while isinstance(expr, Paren):
        expr = expr.expr
    return expr
