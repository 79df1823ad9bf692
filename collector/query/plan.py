"""AST to logical plan for one query: durations are numbers, `@ start()` a time, names looked up.

A plan holds no samples and no operators; `optimize` rewrites it, `build` makes it run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace

from collector.model.labels import METRIC_NAME, Labels
from collector.model.matchers import Matcher
from collector.query.ast import (
    Aggregation,
    At,
    Binary,
    Call,
    DurationExpr,
    Expr,
    Extension,
    Gives,
    Matching,
    MatrixSelector,
    Number,
    Paren,
    String,
    Subquery,
    Unary,
    VectorSelector,
    unwrap,
)
from collector.query.duration_value import milliseconds
from collector.query.functions import FUNCTIONS, SCALAR
from collector.query.grid import Grid
from collector.query.positions import NO_SPAN, Span
from collector.query.type_check import type_of

_GIVES: dict[str, Gives] = {"timestamp": "time", "start_timestamp": "start time"}
_NOTES_RESETS = {
    "histogram_count": True,
    "histogram_sum": True,
    "histogram_avg": True,
    "histogram_quantile": False,
    "histogram_quantiles": False,
    "histogram_fraction": False,
}


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """The same number at every step."""

    value: float


@dataclass(frozen=True, slots=True)
class TextPlan:
    """A text."""

    value: str


@dataclass(frozen=True, slots=True)
class Select:
    """The newest sample of each series at each step, or (`gives`) a time in seconds of it.

    `notes_resets`: histograms say whether they are a reset, by what was read before them. That is
    so below `histogram_count` and its kin, as in Prometheus, whose readers skip buckets there.
    """

    matchers: tuple[Matcher, ...]
    offset_ms: int
    at_ms: int | None
    extension: Extension = ""
    gives: Gives = "value"
    notes_resets: bool = False
    span: Span = field(default=NO_SPAN, compare=False)


@dataclass(frozen=True, slots=True)
class SelectWindows:
    """The samples of each series in the window that ends at each step."""

    matchers: tuple[Matcher, ...]
    range_ms: int
    offset_ms: int
    at_ms: int | None
    extension: Extension = ""
    notes_resets: bool = False


@dataclass(frozen=True, slots=True)
class SubqueryPlan:
    """Windows over the values of another plan on its own grid; `step_ms` 0: the default."""

    inner: Plan
    range_ms: int
    step_ms: int
    offset_ms: int
    at_ms: int | None


@dataclass(frozen=True, slots=True)
class CallPlan:
    """A function of the table; `spans` are those of the arguments, for annotations.

    Plans that differ by their place in the text only are equal. `name_is_unused`: nobody looks at
    the metric's name behind it, so it need not be taken away.
    """

    name: str
    args: tuple[Plan, ...]
    span: Span = field(default=NO_SPAN, compare=False)
    spans: tuple[Span, ...] = field(default=(), compare=False)
    name_is_unused: bool = False


@dataclass(frozen=True, slots=True)
class AbsentPlan:
    """1 with these labels where the inner plan has no value."""

    inner: Plan
    labels: Labels


@dataclass(frozen=True, slots=True)
class InfoPlan:
    """`info`: the inner series with labels of the info series that `matchers` select.

    `shifts` are the (offset, `@`) pairs on the way to the inner selector, outermost first: info
    series are read as of the time at which the inner samples are.
    """

    inner: Plan
    matchers: tuple[Matcher, ...]
    shifts: tuple[tuple[int, int | None], ...]


@dataclass(frozen=True, slots=True)
class AggregatePlan:
    """An aggregation; `span` is that of the inner plan."""

    operator: str
    inner: Plan
    param: Plan | None
    grouping: tuple[str, ...]
    without: bool
    span: Span = field(compare=False)
    param_span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class NegatePlan:
    """The sign turned."""

    inner: Plan


@dataclass(frozen=True, slots=True)
class BinaryPlan:
    """A binary operator; `left_scalar` and `right_scalar` tell the types of its sides."""

    operator: str
    left: Plan
    right: Plan
    return_bool: bool
    matching: Matching
    left_scalar: bool
    right_scalar: bool
    span: Span = field(default=NO_SPAN, compare=False)


@dataclass(frozen=True, slots=True)
class Once:
    """A plan whose value is the same at every step: run at the first and repeated."""

    inner: Plan


@dataclass(frozen=True, slots=True)
class Shared:
    """A plan that stands in several places of one query: run in one of them, used in all."""

    inner: Plan


Plan = (
    NumberPlan
    | TextPlan
    | Select
    | SelectWindows
    | SubqueryPlan
    | CallPlan
    | AbsentPlan
    | InfoPlan
    | AggregatePlan
    | NegatePlan
    | BinaryPlan
    | Once
    | Shared
)


def children(plan: Plan) -> Iterator[Plan]:
    """The plans right below one."""
    for one in fields(plan):
        value = getattr(plan, one.name)
        for below in value if isinstance(value, tuple) else (value,):
            if isinstance(below, Plan) and is_dataclass(below):
                yield below


def with_children(plan: Plan, change: Callable[[Plan], Plan]) -> Plan:
    """The same plan, in which `change` was applied to each plan right below it."""
    new: dict[str, object] = {}
    for one in fields(plan):
        value = getattr(plan, one.name)
        if isinstance(value, Plan):
            new[one.name] = change(value)
        elif isinstance(value, tuple) and any(isinstance(below, Plan) for below in value):
            new[one.name] = tuple(map(change, value))
    return replace(plan, **new) if new else plan  # type: ignore[arg-type]


def plan_for(expr: Expr, grid: Grid) -> Plan:
    """The plan of an expression for one query's grid. Raises QueryError for bad durations."""
    return _Planner(grid).plan(expr)


class _Planner:
    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._notes_resets = False
        instant = grid.start_ms == grid.end_ms
        self._step_ms = 0 if instant else grid.step_ms
        self._range_ms = grid.end_ms - grid.start_ms

    def plan(self, expr: Expr) -> Plan:
        match expr:
            case Number(value=value):
                return NumberPlan(value)
            case String(value=text):
                return TextPlan(text)
            case Paren(expr=inner):
                return self.plan(inner)
            case VectorSelector():
                offset, at = self._offset(expr.offset), self._at(expr.at)
                return Select(
                    expr.matchers,
                    offset,
                    at,
                    expr.extension,
                    "value",
                    self._notes_resets,
                    expr.span,
                )
            case MatrixSelector():
                return self._windows(expr)
            case Subquery():
                return self._subquery(expr)
            case Call():
                return self._call(expr)
            case Aggregation():
                return self._aggregation(expr)
            case Unary(operator=operator, expr=inner):
                return NegatePlan(self.plan(inner)) if operator == "-" else self.plan(inner)
            case Binary():
                return self._binary(expr)

    def _duration(self, duration: DurationExpr, *, positive: bool) -> int:
        return milliseconds(duration, self._step_ms, self._range_ms, positive=positive)

    def _offset(self, offset: DurationExpr | None) -> int:
        return 0 if offset is None else self._duration(offset, positive=False)

    def _at(self, at: At | None) -> int | None:
        if at is None:
            return None
        if at.kind == "time":
            return at.timestamp_ms
        return self._grid.start_ms if at.kind == "start" else self._grid.end_ms

    def _windows(self, expr: MatrixSelector) -> Plan:
        selector = expr.selector
        return SelectWindows(
            selector.matchers,
            self._duration(expr.range, positive=True),
            self._offset(selector.offset),
            self._at(selector.at),
            selector.extension,
            self._notes_resets,
        )

    def _subquery(self, expr: Subquery) -> Plan:
        step = 0 if expr.step is None else self._duration(expr.step, positive=True)
        range_ms = self._duration(expr.range, positive=True)
        offset, at = self._offset(expr.offset), self._at(expr.at)
        around, self._notes_resets = self._notes_resets, False
        inner = self.plan(expr.expr)
        self._notes_resets = around
        return SubqueryPlan(inner, range_ms, step, offset, at)

    def _call(self, expr: Call) -> Plan:
        constants = {
            "step": self._step_ms,
            "range": self._range_ms,
            "start": self._grid.start_ms,
            "end": self._grid.end_ms,
        }
        if expr.name in constants:
            return NumberPlan(constants[expr.name] / 1000)
        if expr.name == "info":
            return self._info(expr)
        around = self._notes_resets
        self._notes_resets = _NOTES_RESETS.get(expr.name, around)
        args = tuple(self.plan(arg) for arg in expr.args)
        self._notes_resets = around
        if expr.name in ("absent", "absent_over_time"):
            return self._absent(expr, args[0])
        if expr.name in _GIVES and isinstance(args[0], Select):
            args = (replace(args[0], extension="", gives=_GIVES[expr.name]),)
        if FUNCTIONS[expr.name].family == "date" and not args:
            args = (CallPlan("vector", (CallPlan("time", ()),)),)
        return CallPlan(expr.name, args, expr.span, tuple(arg.span for arg in expr.args))

    def _info(self, expr: Call) -> Plan:
        selector = expr.args[1] if len(expr.args) > 1 else None
        matchers = selector.matchers if isinstance(selector, VectorSelector) else ()
        inner = self.plan(expr.args[0])
        return InfoPlan(inner, matchers, _shifts(inner))

    def _absent(self, expr: Call, inner: Plan) -> Plan:
        if expr.name == "absent_over_time":
            inner = CallPlan("present_over_time", (inner,), expr.span, (expr.span,))
        return AbsentPlan(inner, _labels_of_absence(unwrap(expr.args[0])))

    def _aggregation(self, expr: Aggregation) -> Plan:
        param = None if expr.param is None else self.plan(expr.param)
        return AggregatePlan(
            expr.operator,
            self.plan(expr.expr),
            param,
            expr.grouping,
            expr.without,
            expr.expr.span,
            expr.param.span if expr.param else expr.span,
        )

    def _binary(self, expr: Binary) -> Plan:
        many = expr.operator in ("and", "or", "unless")
        default = Matching("many-to-many" if many else "one-to-one")
        around, self._notes_resets = self._notes_resets, False
        left, right = self.plan(expr.left), self.plan(expr.right)
        self._notes_resets = around
        return BinaryPlan(
            expr.operator,
            left,
            right,
            expr.return_bool,
            expr.matching or default,
            type_of(expr.left) == SCALAR,
            type_of(expr.right) == SCALAR,
            expr.span,
        )


def _shifts(plan: Plan) -> tuple[tuple[int, int | None], ...]:
    """The (offset, `@`) pairs down to the first selector below a plan."""
    match plan:
        case Select() | SelectWindows():
            return ((plan.offset_ms, plan.at_ms),)
        case SubqueryPlan():
            return ((plan.offset_ms, plan.at_ms), *_shifts(plan.inner))
        case _:
            return next(filter(None, map(_shifts, children(plan))), ())


def _labels_of_absence(expr: Expr) -> Labels:
    """What `absent` can know of the series that is not there: its plain equality matchers."""
    selector = expr.selector if isinstance(expr, MatrixSelector) else expr
    if not isinstance(selector, VectorSelector):
        return Labels()
    known: dict[str, str] = {}
    spoiled: set[str] = set()
    for matcher in selector.matchers:
        if matcher.name == METRIC_NAME:
            continue
        if matcher.kind == "=" and matcher.name not in known and matcher.name not in spoiled:
            known[matcher.name] = matcher.value
        else:
            spoiled.add(matcher.name)
    return Labels({name: value for name, value in known.items() if name not in spoiled})
