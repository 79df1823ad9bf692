"""PromQL about counters -> the counters themselves: a linear combination of selectors.

The ledger counts events, so the windows and `rate` of a query fall away: what is left of
`sum(rate(a[5m])) - sum(rate(b[5m]))` is a - b. A query that is no sum of counters is refused with
the reason; nothing is approximated.
"""

from __future__ import annotations

import re
from dataclasses import replace

from collector.model.errors import ConfigError, InputError
from collector.model.labels import METRIC_NAME
from collector.model.matchers import Matcher
from collector.query.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Number,
    Unary,
    VectorSelector,
    unwrap,
)
from collector.query.parser import parse
from slo.objective import CounterTerm

_WINDOW = re.compile(r"\{\{-?\s*\.window\s*-?\}\}|\$\{?window\}?")
_COUNTER_FUNCTIONS = ("rate", "increase")
Terms = tuple[CounterTerm, ...]


def counter_terms(query: str) -> Terms:
    """The counters that `query` adds and subtracts; `{{.window}}` may stand for any range.

    Takes selectors, `rate` and `increase` of them, `sum` without grouping, `+`, `-` and
    `or vector(0)`. Raises ConfigError for anything else.
    """
    try:
        expr = parse(_WINDOW.sub("5m", query))
    except InputError as error:
        raise ConfigError(f"not PromQL: {error.message}", advice=error.advice) from error
    return _terms(expr)


def _terms(expr: Expr) -> Terms:
    match unwrap(expr):
        case VectorSelector() as selector:
            return (CounterTerm(1, _matchers(selector)),)
        case Call(name=name, args=(argument,)) if name in _COUNTER_FUNCTIONS:
            return _of_range(name, argument)
        case Call(name="vector", args=(Number(value=0),)):
            return ()
        case Aggregation() as aggregation:
            return _of_sum(aggregation)
        case Unary(operator=operator, expr=inner):
            return _terms(inner) if operator == "+" else _negative(_terms(inner))
        case Binary() as binary:
            return _of_binary(binary)
        case Call(name=name):
            raise _refused(f"{name}()", "only rate() and increase() of a counter can be counted")
        case other:
            raise _refused(type(other).__name__, "an SLO counts events: sum counters")


def _of_range(function: str, argument: Expr) -> Terms:
    inner = unwrap(argument)
    if not isinstance(inner, MatrixSelector):
        raise _refused(f"{function}() of a subquery", "write rate(counter[{{.window}}])")
    return (CounterTerm(1, _matchers(inner.selector)),)


def _of_sum(aggregation: Aggregation) -> Terms:
    if aggregation.operator != "sum":
        raise _refused(f"{aggregation.operator}()", "only sums of counters keep whole events")
    if aggregation.grouping or aggregation.without:
        word = "without" if aggregation.without else "by"
        raise _refused(
            f"sum {word} ({', '.join(aggregation.grouping)})",
            "an SLO has one budget here: remove the grouping, or write one SLO per group",
        )
    return _terms(aggregation.expr)


def _of_binary(binary: Binary) -> Terms:
    left, right = unwrap(binary.left), unwrap(binary.right)
    if binary.operator == "or" and isinstance(right, Call) and not _terms(right):
        return _terms(left)
    if binary.matching is not None and binary.matching.cardinality not in (
        "one-to-one",
        "many-to-many",
    ):
        raise _refused("group_left and group_right", "sum each side before adding")
    if binary.operator == "+":
        return (*_terms(left), *_terms(right))
    if binary.operator == "-":
        return (*_terms(left), *_negative(_terms(right)))
    if binary.operator == ">":
        raise _refused(
            "a comparison", "remove it: time without traffic leaves the budget untouched anyway"
        )
    raise _refused(f"the operator {binary.operator!r}", "counters can be added and subtracted")


def _negative(terms: Terms) -> Terms:
    return tuple(replace(term, coefficient=-term.coefficient) for term in terms)


def _matchers(selector: VectorSelector) -> tuple[Matcher, ...]:
    if selector.offset is not None or selector.at is not None:
        raise _refused("offset and @", "events are counted when they happen")
    if metric_names(selector.matchers) is None:
        raise _refused(
            "a selector without a metric name",
            'name the counter, or some with {__name__=~"a|b"}',
        )
    return selector.matchers


def metric_names(matchers: tuple[Matcher, ...]) -> frozenset[str] | None:
    """The metrics that the matchers can name; None when any could match."""
    for matcher in matchers:
        if matcher.name == METRIC_NAME and (names := matcher.literals()) is not None:
            return names
    return None


def _refused(what: str, advice: str) -> ConfigError:
    return ConfigError(f"{what} can't be counted as events", advice=advice)
