"""A query's syntax tree as `/api/v1/parse_query` answers it, for trees that editors draw.

Durations are in milliseconds; one that has to be computed is 0, with its expression beside it.
Source: web/api/v1/translate_ast.go of Prometheus 3.13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from collector.query.float_text import shortest
from collector.query.functions import FUNCTIONS

Tree = Mapping[str, object]

_TYPES = {
    "scalar": "scalar",
    "string": "string",
    "instant vector": "vector",
    "range vector": "matrix",
}


def tree_of(expr: Expr) -> Tree:
    """The tree, of what JSON knows."""
    match expr:
        case Number(value=value):
            return {"type": "numberLiteral", "val": shortest(value)}
        case String(value=text):
            return {"type": "stringLiteral", "val": text}
        case VectorSelector():
            return {"type": "vectorSelector", **_selector(expr)}
        case MatrixSelector(selector=selector, range=range_):
            length = {"range": _milliseconds(range_), "rangeExpr": _computed(range_)}
            return {"type": "matrixSelector", **length, **_selector(selector)}
        case Subquery():
            return _subquery(expr)
        case Call():
            return _call(expr)
        case Aggregation():
            return _aggregation(expr)
        case Unary(operator=operator, expr=inner):
            return {"type": "unaryExpr", "op": operator, "expr": tree_of(inner)}
        case Binary():
            return _binary(expr)
        case Paren(expr=inner):
            return {"type": "parenExpr", "expr": tree_of(inner)}


def _selector(selector: VectorSelector) -> Tree:
    return {
        "name": selector.name,
        **_offset(selector.offset),
        "matchers": [_matcher(one) for one in _name_last(selector)],
        **_at(selector.at),
        "anchored": selector.extension == "anchored",
        "smoothed": selector.extension == "smoothed",
    }


def _name_last(selector: VectorSelector) -> Sequence[Matcher]:
    """The matchers in Prometheus's order: the one of a name before the braces comes last."""
    own = [one for one in selector.matchers if one.name == "__name__" and selector.name]
    return [one for one in selector.matchers if one not in own] + own


def _matcher(matcher: Matcher) -> Tree:
    return {"name": matcher.name, "value": matcher.value, "type": matcher.kind}


def _subquery(query: Subquery) -> Tree:
    return {
        "type": "subquery",
        "expr": tree_of(query.expr),
        "range": _milliseconds(query.range),
        "rangeExpr": _computed(query.range),
        **_offset(query.offset),
        "step": _milliseconds(query.step),
        "stepExpr": _computed(query.step),
        **_at(query.at),
    }


def _call(call: Call) -> Tree:
    function = FUNCTIONS[call.name]
    signature = {
        "name": function.name,
        "argTypes": [_TYPES[kind] for kind in function.arguments],
        "variadic": function.optional,
        "returnType": _TYPES[function.returns],
    }
    return {"type": "call", "func": signature, "args": [tree_of(one) for one in call.args]}


def _aggregation(node: Aggregation) -> Tree:
    return {
        "type": "aggregation",
        "op": node.operator,
        "expr": tree_of(node.expr),
        "param": None if node.param is None else tree_of(node.param),
        "grouping": list(node.grouping),
        "without": node.without,
    }


def _binary(node: Binary) -> Tree:
    return {
        "type": "binaryExpr",
        "op": node.operator,
        "lhs": tree_of(node.left),
        "rhs": tree_of(node.right),
        "matching": None if node.matching is None else _matching(node.matching),
        "bool": node.return_bool,
    }


def _matching(matching: Matching) -> Tree:
    return {
        "card": matching.cardinality,
        "labels": list(matching.labels),
        "on": matching.on,
        "include": list(matching.include),
        "fillValues": {"lhs": _fill(matching.fill_left), "rhs": _fill(matching.fill_right)},
    }


def _fill(value: float | None) -> object:
    """A number, or a text where JSON has no number (Prometheus fails there)."""
    return value if value is None or abs(value) < float("inf") else shortest(value)


def _offset(offset: DurationExpr | None) -> Tree:
    return {"offset": _milliseconds(offset), "offsetExpr": _computed(offset)}


def _at(at: At | None) -> Tree:
    kind = None if at is None or at.kind == "time" else at.kind
    return {
        "timestamp": at.timestamp_ms if at is not None and kind is None else None,
        "startOrEnd": kind,
    }


def _milliseconds(duration: DurationExpr | None) -> int:
    match duration:
        case Number(value=value):
            return int(value * 1000)
        case DurationUnary(operator=operator, operand=Number(value=value)):
            return int(-value * 1000 if operator == "-" else value * 1000)
        case _:
            return 0


def _computed(duration: DurationExpr | None) -> Tree | None:
    """The expression of a duration that is not a plain one."""
    match duration:
        case None | Number() | DurationUnary(operand=Number()):
            return None
        case _:
            return _duration(duration)


def _duration(duration: DurationExpr) -> Tree:
    match duration:
        case Number(value=value, is_duration=is_duration):
            text = shortest(value)
            return {"type": "numberLiteral", "val": text, "duration": is_duration}
        case DurationUnary(operator=operator, operand=operand):
            return _duration_node(operator, None, operand)
        case DurationBinary(operator=operator, left=left, right=right, parenthesized=wrapped):
            return _duration_node(operator, left, right, wrapped)
        case DurationCall(name=name, args=args):
            first, second = (*args, None, None)[:2]
            return _duration_node(name, first, second)


def _duration_node(
    operator: str, left: DurationExpr | None, right: DurationExpr | None, wrapped: bool = False
) -> Tree:
    return {
        "type": "durationExpr",
        "op": operator,
        "lhs": None if left is None else _duration(left),
        "rhs": None if right is None else _duration(right),
        "wrapped": wrapped,
    }
