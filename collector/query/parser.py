"""Tokens to a type-checked AST: a Pratt parser whose errors say line and column.

Grammar: promql/parser/generated_parser.y of Prometheus 3.14. Precedence, from loose to tight: `or`;
`and unless`; comparisons; `+ -`; `* / % atan2`; unary sign; `^` (to the right); `offset`, `@`, `[`.
"""

from __future__ import annotations

from functools import lru_cache

from collector.model.errors import InputError
from collector.model.labels import METRIC_NAME
from collector.model.matchers import Matcher, MatchKind
from collector.query import duration_parser
from collector.query.ast import (
    AGGREGATORS,
    COMPARISONS,
    PARAMETRIC_AGGREGATORS,
    SET_OPERATORS,
    Aggregation,
    At,
    Binary,
    Call,
    DurationExpr,
    Expr,
    Extension,
    Matching,
    MatrixSelector,
    Number,
    Paren,
    String,
    Subquery,
    Unary,
    VectorSelector,
)
from collector.query.functions import FUNCTIONS
from collector.query.lexer import Token
from collector.query.modifiers import modified
from collector.query.positions import Span
from collector.query.token_stream import TokenStream
from collector.query.type_check import check

MAX_QUERY_CHARS = 256 * 1024
"""A longer text is refused before it is read: no person writes one."""
MAX_DEPTH = 150
"""Levels of one tree, where each operator of a chain is one: Python's own stack holds 180."""

_PRECEDENCE = {
    "or": 1,
    "and": 2,
    "unless": 2,
    **dict.fromkeys((*COMPARISONS, ">/", "</"), 3),
    "+": 4,
    "-": 4,
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 7,
}
_UNARY_OPERAND = 6
_NOT_A_METRIC = frozenset(("on", "ignoring", "group_left", "group_right", "bool"))


@lru_cache(maxsize=2048)
def parse(query: str) -> Expr:
    """The AST of a query. Raises QueryError with `line:column: parse error: …`."""
    if len(query) > MAX_QUERY_CHARS:
        raise InputError(f"the query is longer than {MAX_QUERY_CHARS:,} characters")
    parser = _Parser(query)
    expr = parser.whole()
    check(query, expr)
    return expr


@lru_cache(maxsize=2048)
def parse_selector(text: str) -> tuple[Matcher, ...]:
    """The matchers of `name{a="b"}` alone, as `match[]` parameters hold. Raises QueryError."""
    parser = _Parser(text)
    expr = parser.whole()
    check(text, expr)
    if not isinstance(expr, VectorSelector) or expr.offset or expr.at:
        raise parser.tokens.error_at(0, "a series selector is expected, without offset or @")
    return expr.matchers


class _Parser:
    def __init__(self, query: str) -> None:
        self.tokens = TokenStream(query)
        self._depth = 0

    def whole(self) -> Expr:
        if self.tokens.at_end():
            raise self.tokens.error_at(0, "no expression found in input")
        expr = self._expression(0)
        if not self.tokens.at_end():
            raise self.tokens.unexpected()
        return expr

    def _expression(self, at_least: int) -> Expr:
        outside = self._depth
        self._deeper()
        left = self._postfix(self._prefix())
        while True:
            operator = self.tokens.next.text.lower()
            precedence = _PRECEDENCE.get(operator, 0) if self.tokens.next.kind != "string" else 0
            if precedence == 0 or precedence < at_least:
                break
            self._deeper()
            self.tokens.take()
            left = self._binary(left, operator, precedence)
        self._depth = outside
        return left

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.tokens.error(
                f"the expression is nested or chained more than {MAX_DEPTH} levels deep"
            )

    def _binary(self, left: Expr, operator: str, precedence: int) -> Expr:
        return_bool = False
        if self.tokens.at_word("bool"):
            if operator not in COMPARISONS:
                raise self.tokens.error("bool modifier can only be used on comparison operators")
            self.tokens.take()
            return_bool = True
        matching = self._matching(operator)
        right_precedence = precedence if operator == "^" else precedence + 1
        right = self._expression(right_precedence)
        span = Span(left.span.start, right.span.end)
        return Binary(operator, left, right, return_bool, matching, span)

    # -- modifiers of binary operators ------------------------------------------------------------

    def _matching(self, operator: str) -> Matching | None:
        on, labels, include = False, (), ()  # type: tuple[bool, tuple[str, ...], tuple[str, ...]]
        cardinality = "many-to-many" if operator in SET_OPERATORS else "one-to-one"
        written = False
        if self.tokens.at_word("on") or self.tokens.at_word("ignoring"):
            on = self.tokens.take().text.lower() == "on"
            labels, written = self._label_names(), True
            if self.tokens.at_word("group_left") or self.tokens.at_word("group_right"):
                cardinality, include = self._grouping_side(operator)
        fill_left, fill_right = self._fill(operator)
        if not written and fill_left is None and fill_right is None:
            return None
        overlap = set(labels) & set(include) if on else set()
        if overlap:
            name = sorted(overlap)[0]
            raise self.tokens.error(f'label "{name}" must not occur in ON and GROUP clause at once')
        return Matching(cardinality, on, labels, include, fill_left, fill_right)  # type: ignore[arg-type]

    def _grouping_side(self, operator: str) -> tuple[str, tuple[str, ...]]:
        token = self.tokens.take()
        word = token.text.lower()
        if operator in SET_OPERATORS:
            message = f'no grouping allowed for "{operator}" operation'
            raise self.tokens.error_at(token.start, message)
        include = self._label_names() if self.tokens.at_symbol("(") else ()
        return ("many-to-one" if word == "group_left" else "one-to-many"), include

    def _fill(self, operator: str) -> tuple[float | None, float | None]:
        left: float | None = None
        right: float | None = None
        while self.tokens.next.text.lower() in ("fill", "fill_left", "fill_right"):
            if not self.tokens.is_symbol_after("("):
                break  # a metric that has this name
            word = self.tokens.take().text.lower()
            if operator in SET_OPERATORS:
                raise self.tokens.error("filling in missing series not allowed for set operators")
            value = self._fill_value()
            left = value if word != "fill_right" else left
            right = value if word != "fill_left" else right
        return left, right

    def _fill_value(self) -> float:
        self.tokens.expect("(")
        sign = -1.0 if self.tokens.at_symbol("-") else 1.0
        if self.tokens.at_symbol("-") or self.tokens.at_symbol("+"):
            self.tokens.take()
        value = self.tokens.number()
        self.tokens.expect(")")
        return sign * value.value

    # -- prefix positions -------------------------------------------------------------------------

    def _prefix(self) -> Expr:
        token = self.tokens.next
        if token.kind == "word":
            return self._word()
        if token.kind in ("number", "duration"):
            return self.tokens.number()
        if token.kind == "string":
            return String(self.tokens.string(), token.span)
        if token.text in ("-", "+"):
            self.tokens.take()
            operand = self._expression(_UNARY_OPERAND)
            return _signed(token.text, operand, Span(token.start, operand.span.end))
        if token.text == "(":
            self.tokens.take()
            inner = self._expression(0)
            end = self.tokens.expect(")").end
            return Paren(inner, Span(token.start, end))
        if token.text == "{":
            return self._selector("", token.start)
        raise self.tokens.unexpected()

    def _word(self) -> Expr:
        token = self.tokens.next
        word = token.text.lower()
        opens = self.tokens.is_symbol_after("(")
        if word in ("inf", "nan") and not opens:
            self.tokens.take()
            return Number(float(word), span=token.span)
        if word in AGGREGATORS and (opens or self.tokens.is_word_after(("by", "without"))):
            return self._aggregation()
        if opens:
            return self._call()
        if word in _NOT_A_METRIC:
            raise self.tokens.unexpected()
        self.tokens.take()
        return self._selector(token.text, token.start)

    def _call(self) -> Expr:
        token = self.tokens.take()
        name = token.text if token.text in FUNCTIONS else token.text.lower()
        if name not in FUNCTIONS or (name != token.text and name not in ("step", "range")):
            message = f'unknown function with name "{token.text}"'
            raise self.tokens.error_at(token.start, message)
        args, end = self._arguments()
        return Call(name, args, Span(token.start, end))

    def _arguments(self) -> tuple[tuple[Expr, ...], int]:
        self.tokens.expect("(")
        args: list[Expr] = []
        while not self.tokens.at_symbol(")"):
            args.append(self._expression(0))
            if not self.tokens.at_symbol(","):
                break
            comma = self.tokens.take()
            if self.tokens.at_symbol(")"):
                raise self.tokens.error_at(
                    comma.start, "trailing commas not allowed in function call args"
                )
        return tuple(args), self.tokens.expect(")").end

    def _aggregation(self) -> Expr:
        token = self.tokens.take()
        operator = token.text.lower()
        grouping, without, written = self._grouping()
        args, end = self._arguments()
        if not written:
            start = self.tokens.position
            grouping, without, written = self._grouping()
            end = self.tokens.end_of_last if self.tokens.position != start else end
        wanted = 2 if operator in PARAMETRIC_AGGREGATORS else 1
        if len(args) != wanted:
            message = (
                f"wrong number of arguments for aggregate expression provided, "
                f"expected {wanted}, got {len(args)}"
            )
            if not args:
                message = "no arguments for aggregate expression provided"
            raise self.tokens.error_at(token.start, message)
        param = args[0] if wanted == 2 else None
        return Aggregation(operator, args[-1], param, grouping, without, Span(token.start, end))

    def _grouping(self) -> tuple[tuple[str, ...], bool, bool]:
        if not (self.tokens.at_word("by") or self.tokens.at_word("without")):
            return (), False, False
        without = self.tokens.take().text.lower() == "without"
        return self._label_names(), without, True

    def _label_names(self) -> tuple[str, ...]:
        self.tokens.expect("(")
        names: list[str] = []
        while not self.tokens.at_symbol(")"):
            names.append(self.tokens.label_name("grouping opts"))
            if not self.tokens.at_symbol(","):
                break
            self.tokens.take()
        self.tokens.expect(")")
        return tuple(names)

    # -- selectors --------------------------------------------------------------------------------

    def _selector(self, name: str, start: int) -> Expr:
        matchers: list[Matcher] = []
        if self.tokens.at_symbol("{"):
            matchers = self._matchers(name)
        if name:
            matchers.append(Matcher("=", METRIC_NAME, name))
        span = Span(start, self.tokens.end_of_last)
        return VectorSelector(name, tuple(matchers), span=span)

    def _matchers(self, name: str) -> list[Matcher]:
        self.tokens.expect("{")
        matchers: list[Matcher] = []
        named = bool(name)
        while not self.tokens.at_symbol("}"):
            start = self.tokens.next
            quoted = start.kind == "string"
            label = self.tokens.label_name("label matching")
            if quoted and not self.tokens.next.text.startswith(("=", "!")):
                if named:
                    raise self.tokens.error_at(start.start, _twice(name, label))
                matchers.append(Matcher("=", METRIC_NAME, label))
                name, named = label, True
            else:
                matchers.append(self._matcher(label))
            if not self.tokens.at_symbol(","):
                break
            self.tokens.take()
        self.tokens.expect("}")
        return matchers

    def _matcher(self, label: str) -> Matcher:
        token = self.tokens.take()
        kinds: dict[str, MatchKind] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}
        if token.text not in kinds:
            raise self.tokens.error_at(
                token.start, self._unmatched(token, "label matching operator")
            )
        if self.tokens.next.kind != "string":
            raise self.tokens.error(self._unmatched(self.tokens.next, "string"))
        value_at = self.tokens.next.start
        try:
            return Matcher(kinds[token.text], label, self.tokens.string())
        except InputError as error:
            raise self.tokens.error_at(value_at, error.message) from error

    def _unmatched(self, token: Token, expected: str) -> str:
        name = self.tokens.name_of(token)
        return f"unexpected {name} in label matching, expected {expected}"

    # -- what follows a vector: [range], offset, @, anchored, smoothed ----------------------------

    def _postfix(self, expr: Expr) -> Expr:
        while True:
            if self.tokens.at_symbol("["):
                expr = self._brackets(expr)
            elif self.tokens.at_word("offset"):
                at = self.tokens.take().start
                expr = self._with_offset(expr, duration_parser.offset(self.tokens), at)
            elif self.tokens.at_symbol("@"):
                at = self.tokens.take().start
                expr = self._with_at(expr, self._timestamp(), at)
            elif self.tokens.at_word("anchored") or self.tokens.at_word("smoothed"):
                expr = self._extended(expr)
            else:
                return expr

    def _brackets(self, expr: Expr) -> Expr:
        opening = self.tokens.take().start
        range_ = duration_parser.in_brackets(self.tokens)
        if self.tokens.at_symbol(":"):
            self.tokens.take()
            step = None if self.tokens.at_symbol("]") else duration_parser.in_brackets(self.tokens)
            end = self.tokens.expect("]").end
            return Subquery(expr, range_, step, span=Span(expr.span.start, end))
        end = self.tokens.expect("]").end
        if not isinstance(expr, VectorSelector):
            raise self.tokens.error_at(opening, "ranges only allowed for vector selectors")
        if expr.offset is not None:
            raise self.tokens.error_at(opening, "no offset modifiers allowed before range")
        if expr.at is not None:
            raise self.tokens.error_at(opening, "no @ modifiers allowed before range")
        return MatrixSelector(expr, range_, Span(expr.span.start, end))

    def _with_offset(self, expr: Expr, offset: DurationExpr, at: int) -> Expr:
        return self._modified(expr, at, "offset", offset=offset)

    def _with_at(self, expr: Expr, at_: At, at: int) -> Expr:
        return self._modified(expr, at, "@", at_=at_)

    def _modified(
        self,
        expr: Expr,
        position: int,
        what: str,
        offset: DurationExpr | None = None,
        at_: At | None = None,
    ) -> Expr:
        holder = expr.selector if isinstance(expr, MatrixSelector) else expr
        if not isinstance(holder, VectorSelector | Subquery):
            raise self.tokens.error_at(
                position,
                f"{what} modifier must be preceded by an instant vector selector or range vector "
                "selector or a subquery",
            )
        if (offset and holder.offset is not None) or (at_ and holder.at is not None):
            name = "offset" if offset else "@ <timestamp>"
            raise self.tokens.error_at(position, f"{name} may not be set multiple times")
        span = Span(expr.span.start, self.tokens.end_of_last)
        changed = modified(holder, span, offset=offset, at=at_)
        if isinstance(expr, MatrixSelector):
            assert isinstance(changed, VectorSelector)  # noqa: S101 - narrowed above
            return MatrixSelector(changed, expr.range, span)
        return changed

    def _extended(self, expr: Expr) -> Expr:
        token = self.tokens.take()
        extension: Extension = "anchored" if token.text.lower() == "anchored" else "smoothed"
        holder = expr.selector if isinstance(expr, MatrixSelector) else expr
        if not isinstance(holder, VectorSelector):
            message = f"{extension} modifier must be preceded by a vector selector"
            raise self.tokens.error_at(token.start, message)
        if holder.extension:
            raise self.tokens.error_at(token.start, "anchored and smoothed may not be combined")
        span = Span(expr.span.start, self.tokens.end_of_last)
        changed = modified(holder, span, extension=extension)
        if isinstance(expr, MatrixSelector) and isinstance(changed, VectorSelector):
            return MatrixSelector(changed, expr.range, span)
        if extension == "anchored":
            message = "anchored modifier can only be used with a range vector selector"
            raise self.tokens.error_at(token.start, message)
        return changed

    def _timestamp(self) -> At:
        token = self.tokens.next
        word = token.text.lower()
        if word in ("start", "end") and self.tokens.is_symbol_after("("):
            self.tokens.take()
            self.tokens.expect("(")
            self.tokens.expect(")")
            return At("start" if word == "start" else "end")
        sign = 1.0
        while self.tokens.at_symbol("-") or self.tokens.at_symbol("+"):
            sign = -sign if self.tokens.take().text == "-" else sign
        seconds = sign * self.tokens.number().value
        if not -9.2e15 < seconds < 9.2e15:
            raise self.tokens.error_at(token.start, "timestamp out of bounds for @ modifier")
        return At("time", round(seconds * 1000))


def _twice(name: str, label: str) -> str:
    return f'metric name must not be set twice: "{name}" or "{label}"'


def _signed(sign: str, operand: Expr, span: Span) -> Expr:
    if isinstance(operand, Number):
        return Number(-operand.value if sign == "-" else operand.value, operand.is_duration, span)
    return Unary(sign, operand, span)
