"""What a well-formed tree must satisfy beyond grammar: types of arguments, sides of operators.

The texts are Prometheus's (promql/parser/parse.go, `checkAST`), since people search for them.
"""

from __future__ import annotations

from collector.model.errors import QueryError
from collector.query.ast import (
    COMPARISONS,
    SET_OPERATORS,
    Aggregation,
    Binary,
    Call,
    Expr,
    MatrixSelector,
    Number,
    Paren,
    String,
    Subquery,
    Unary,
    VectorSelector,
    unwrap,
)
from collector.query.functions import FUNCTIONS, RANGE, SCALAR, STRING, VECTOR, ValueType
from collector.query.positions import parse_error


def type_of(expr: Expr) -> ValueType:
    """The type of value that an expression gives."""
    match expr:
        case Number():
            return SCALAR
        case String():
            return STRING
        case VectorSelector() | Aggregation():
            return VECTOR
        case MatrixSelector() | Subquery():
            return RANGE
        case Call(name=name):
            return FUNCTIONS[name].returns
        case Unary(expr=inner) | Paren(expr=inner):
            return type_of(inner)
        case Binary(left=left, right=right):
            both = type_of(left) == SCALAR and type_of(right) == SCALAR
            return SCALAR if both else VECTOR


def check(query: str, expr: Expr) -> None:
    """Raises QueryError with Prometheus's text at the first node that is not well typed."""
    _Checker(query).visit(expr)


class _Checker:
    def __init__(self, query: str) -> None:
        self._query = query

    def visit(self, expr: Expr) -> None:
        match expr:
            case VectorSelector():
                self._selector(expr)
            case MatrixSelector():
                self._selector(expr.selector)
            case Subquery():
                self.visit(expr.expr)
                self._expect(expr.expr, VECTOR, "subquery on instant vector", subquery=True)
            case Paren():
                self.visit(expr.expr)
            case Unary():
                self.visit(expr.expr)
                self._unary(expr)
            case Call():
                # what info() is asked to join may be any selector, even one that matches everything
                for arg in expr.args[:1] if expr.name == "info" else expr.args:
                    self.visit(arg)
                self._call(expr)
            case Aggregation():
                self._aggregation(expr)
            case Binary():
                self.visit(expr.left)
                self.visit(expr.right)
                self._binary(expr)
            case _:
                pass

    def _error(self, expr: Expr, message: str) -> QueryError:
        return parse_error(self._query, expr.span.start, message)

    def _expect(self, expr: Expr, wanted: ValueType, where: str, subquery: bool = False) -> None:
        found = type_of(expr)
        if found == wanted:
            return
        if subquery:
            raise self._error(
                expr, f"subquery is only allowed on instant vector, got {found} instead"
            )
        raise self._error(expr, f"expected type {wanted} in {where}, got {found}")

    def _selector(self, selector: VectorSelector) -> None:
        if all(matcher.matches_empty() for matcher in selector.matchers):
            raise self._error(
                selector, "vector selector must contain at least one non-empty matcher"
            )
        if selector.name and sum(m.name == "__name__" for m in selector.matchers) > 1:
            raise self._error(
                selector, f'metric name must not be set twice: "{selector.name}" or "__name__"'
            )

    def _unary(self, expr: Unary) -> None:
        found = type_of(expr.expr)
        if found not in (SCALAR, VECTOR):
            raise self._error(
                expr,
                "unary expression only allowed on expressions of type scalar or instant vector, "
                f'got "{found}"',
            )

    def _call(self, call: Call) -> None:
        function = FUNCTIONS[call.name]
        wanted, given = function.arguments, len(call.args)
        where = f'call to function "{call.name}"'
        if function.optional == 0 and given != len(wanted):
            raise self._error(
                call, f'expected {len(wanted)} argument(s) in call to "{call.name}", got {given}'
            )
        least = len(wanted) - (function.optional if function.optional > 0 else 1)
        if function.optional and given < least:
            raise self._error(
                call,
                f'expected at least {least} argument(s) in call to "{call.name}", got {given}',
            )
        if function.optional > 0 and given > len(wanted):
            raise self._error(
                call,
                f'expected at most {len(wanted)} argument(s) in call to "{call.name}", got {given}',
            )
        for index, arg in enumerate(call.args):
            self._expect(arg, wanted[min(index, len(wanted) - 1)], where)
        self._extension(call)
        if call.name == "info" and given == 2 and not isinstance(call.args[1], VectorSelector):
            raise self._error(call.args[1], "expected label selectors only, got vector selector")

    def _extension(self, call: Call) -> None:
        for arg in call.args:
            selector = unwrap(arg)
            if not isinstance(selector, MatrixSelector) or not selector.selector.extension:
                continue
            kind = selector.selector.extension
            allowed = _EXTENDED[kind]
            if call.name not in allowed:
                raise self._error(
                    call,
                    f"{kind} modifier can only be used with: {', '.join(allowed)} "
                    f"- not with {call.name}",
                )

    def _aggregation(self, expr: Aggregation) -> None:
        self.visit(expr.expr)
        self._expect(expr.expr, VECTOR, "aggregation expression")
        if expr.param is None:
            return
        self.visit(expr.param)
        wanted = STRING if expr.operator == "count_values" else SCALAR
        self._expect(expr.param, wanted, "aggregation parameter")

    def _binary(self, expr: Binary) -> None:
        left, right = type_of(expr.left), type_of(expr.right)
        for side, found in ((expr.left, left), (expr.right, right)):
            if found not in (SCALAR, VECTOR):
                raise self._error(
                    side, "binary expression must contain only scalar and instant vector types"
                )
        both_vectors = left == VECTOR and right == VECTOR
        if not both_vectors and expr.operator in SET_OPERATORS:
            raise self._error(
                expr, f'set operator "{expr.operator}" not allowed in binary scalar expression'
            )
        both_scalars = left == SCALAR and right == SCALAR
        if both_scalars and expr.operator in COMPARISONS and not expr.return_bool:
            raise self._error(expr, "comparisons between scalars must use BOOL modifier")
        if not both_vectors and expr.matching is not None:
            if expr.matching.fill_left is not None or expr.matching.fill_right is not None:
                raise self._error(
                    expr, "filling in missing series only allowed between two instant vectors"
                )
            if expr.matching.labels:
                raise self._error(expr, "vector matching only allowed between instant vectors")


_EXTENDED = {
    "anchored": ("changes", "delta", "increase", "rate", "resets"),
    "smoothed": ("delta", "increase", "rate"),
}
