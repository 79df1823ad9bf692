"""Logical plan to operators: which operator runs which node."""

from __future__ import annotations

from collector.query.ast import SET_OPERATORS
from collector.query.explanation import PlanStep
from collector.query.functions import FUNCTIONS
from collector.query.operators.aggregate import Aggregate
from collector.query.operators.binary import (
    ScalarBinary,
    SetOperation,
    VectorBinary,
    VectorScalar,
)
from collector.query.operators.constants import (
    Absent,
    Constant,
    ConstantText,
    RunOnce,
    ScalarFunction,
    StartTimestamp,
    Timestamp,
    ToScalar,
    ToVector,
)
from collector.query.operators.elementwise import Elementwise, Negate
from collector.query.operators.histogram import (
    HistogramFunction,
    HistogramQuantiles,
    HistogramValue,
)
from collector.query.operators.info import Info
from collector.query.operators.interface import Operator, WindowSource
from collector.query.operators.relabel import LabelJoin, LabelReplace
from collector.query.operators.scan import Scan, SmoothedScan, WindowScan
from collector.query.operators.shared import SharedValue, SharedWindows
from collector.query.operators.sort import Sort
from collector.query.operators.subquery import SubqueryWindows
from collector.query.operators.tiered import RawWindows, Tiered
from collector.query.operators.traced import Traced, TracedWindows
from collector.query.operators.window_function import WindowFunction
from collector.query.plan import (
    AbsentPlan,
    AggregatePlan,
    BinaryPlan,
    CallPlan,
    InfoPlan,
    NegatePlan,
    NumberPlan,
    Once,
    Plan,
    Select,
    SelectWindows,
    Shared,
    SubqueryPlan,
    TextPlan,
)
from collector.query.positions import NO_SPAN


def build(plan: Plan, default_step_ms: int, watch: PlanStep | None = None) -> Operator:
    """The operator tree of a plan; `default_step_ms` is that of subqueries which name none.

    Where there is a `watch`, what each operator does is written below it.
    """
    return _Builder(default_step_ms, watch).operator(plan)


def build_windows(plan: Plan, default_step_ms: int, watch: PlanStep | None = None) -> WindowSource:
    """The source of a plan that is a range vector."""
    return _Builder(default_step_ms, watch, is_whole_query=True).windows(plan)


class _Builder:
    def __init__(
        self, default_step_ms: int, watch: PlanStep | None, *, is_whole_query: bool = False
    ) -> None:
        self._is_whole_query = is_whole_query
        self._default_step_ms = default_step_ms
        self._watch = watch
        self._slots: dict[Plan, int] = {}

    def operator(self, plan: Plan) -> Operator:
        """The operator of a plan, watched if that was asked for."""
        around = self._watch
        if around is None:
            return self._operator(plan)
        step = self._watch = PlanStep()
        operator = self._operator(plan)
        step.text = operator.explain()
        around.children.append(step)
        self._watch = around
        return Traced(operator, step)

    def windows(self, plan: Plan) -> WindowSource:
        """The source of windows of a plan, watched if that was asked for."""
        around = self._watch
        if around is None:
            return self._windows(plan)
        step = self._watch = PlanStep()
        source = self._windows(plan)
        step.text = source.explain()
        around.children.append(step)
        self._watch = around
        return TracedWindows(source, step)

    def _slot(self, plan: Plan) -> int:
        return self._slots.setdefault(plan, len(self._slots) + 1)

    def _operator(self, plan: Plan) -> Operator:
        match plan:
            case NumberPlan() | TextPlan():
                return _leaf(plan)
            case Select():
                where = (plan.matchers, 0, plan.offset_ms, plan.at_ms, plan.extension != "")
                return Tiered(_leaf(plan), *where, plan.span)
            case Shared(inner=inner):
                return SharedValue(self.operator(inner), self._slot(inner))
            case Once(inner=inner):
                return RunOnce(self.operator(inner))
            case NegatePlan(inner=inner):
                return Negate(self.operator(inner))
            case AbsentPlan(inner=inner, labels=labels):
                return Absent(self.operator(inner), labels)
            case InfoPlan():
                return Info(self.operator(plan.inner), plan.matchers, plan.shifts)
            case AggregatePlan():
                return self._aggregate(plan)
            case BinaryPlan():
                return self._binary(plan)
            case CallPlan():
                return self._call(plan)
            case SelectWindows() | SubqueryPlan():
                raise TypeError("a range vector stands where a value is needed")

    def _windows(self, plan: Plan) -> WindowSource:
        match plan:
            case Shared(inner=source):
                return SharedWindows(self.windows(source), self._slot(source))
            case SelectWindows():
                when = (plan.range_ms, plan.offset_ms, plan.at_ms)
                scan = WindowScan(plan.matchers, *when, plan.extension, plan.notes_resets)
                return RawWindows(scan) if self._is_whole_query else scan
            case SubqueryPlan():
                step = plan.step_ms or self._default_step_ms
                inner = self.operator(plan.inner)
                return SubqueryWindows(inner, plan.range_ms, step, plan.offset_ms, plan.at_ms)
            case _:
                raise TypeError("a value stands where a range vector is needed")

    def _aggregate(self, plan: AggregatePlan) -> Operator:
        param = None if plan.param is None else self.operator(plan.param)
        names = frozenset(plan.grouping)
        inner = self.operator(plan.inner)
        spans = (plan.param_span, plan.span)
        return Aggregate(plan.operator, inner, param, names, plan.without, *spans)

    def _binary(self, plan: BinaryPlan) -> Operator:
        left, right = self.operator(plan.left), self.operator(plan.right)
        if plan.left_scalar and plan.right_scalar:
            return ScalarBinary(plan.operator, left, right)
        if plan.left_scalar:
            return VectorScalar(plan.operator, right, left, True, plan.return_bool, plan.span)
        if plan.right_scalar:
            return VectorScalar(plan.operator, left, right, False, plan.return_bool, plan.span)
        if plan.operator in SET_OPERATORS:
            return SetOperation(plan.operator, left, right, plan.matching)
        how = (plan.return_bool, plan.matching, plan.span)
        return VectorBinary(plan.operator, left, right, *how)

    def _call(self, plan: CallPlan) -> Operator:
        match FUNCTIONS[plan.name].family:
            case "window":
                return self._window_function(plan)
            case "elementwise" | "date":
                inner, *params = map(self.operator, plan.args)
                return Elementwise(plan.name, inner, tuple(params))
            case "constant":
                return ScalarFunction(plan.name)
            case _:
                return self._special(plan)

    def _window_function(self, plan: CallPlan) -> Operator:
        ranges = [index for index, arg in enumerate(plan.args) if _is_range(arg)]
        at = ranges[0]
        params = tuple(self.operator(arg) for i, arg in enumerate(plan.args) if i != at)
        span_of = dict(enumerate(plan.spans))
        function = WindowFunction(
            plan.name,
            self.windows(plan.args[at]),
            params,
            plan.span,
            span_of.get(at, NO_SPAN),
            span_of.get(0, NO_SPAN),
            plan.name_is_unused,
        )
        source = plan.args[at]
        source = source.inner if isinstance(source, Shared) else source
        if not isinstance(source, SelectWindows):
            return function
        where = (source.matchers, source.range_ms, source.offset_ms, source.at_ms)
        return Tiered(function, *where, source.extension != "", function.source_span)

    def _special(self, plan: CallPlan) -> Operator:
        args = tuple(self.operator(arg) for arg in plan.args)
        match plan.name:
            case "min_of" | "max_of":
                return ScalarFunction(plan.name, args)
            case "scalar":
                return ToScalar(args[0])
            case "vector":
                return ToVector(args[0])
            case "timestamp":
                return Timestamp(args[0], _gives(plan.args[0]) == "time")
            case "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc":
                return Sort(plan.name, args[0], args[1:])
            case "label_replace":
                return LabelReplace(args[0], args[1:])
            case "label_join":
                return LabelJoin(args[0], args[1:])
            case "histogram_quantile" | "histogram_fraction":
                spans = plan.spans
                return HistogramFunction(plan.name, args[-1], args[:-1], spans[-1], spans[0])
            case "histogram_quantiles":
                spans = plan.spans
                return HistogramQuantiles(args[0], args[1], args[2:], spans[0], spans[2:])
            case "start_timestamp":
                return StartTimestamp(args[0], _gives(plan.args[0]) == "start time")
            case _:
                return HistogramValue(plan.name, args[0])


def _leaf(plan: NumberPlan | TextPlan | Select) -> Operator:
    if isinstance(plan, NumberPlan):
        return Constant(plan.value)
    if isinstance(plan, TextPlan):
        return ConstantText(plan.value)
    if plan.extension:
        return SmoothedScan(plan.matchers, plan.offset_ms, plan.at_ms, plan.span)
    return Scan(plan.matchers, plan.offset_ms, plan.at_ms, plan.gives, plan.notes_resets)


def _is_range(plan: Plan) -> bool:
    inner = plan.inner if isinstance(plan, Shared) else plan
    return isinstance(inner, SelectWindows | SubqueryPlan)


def _gives(plan: Plan) -> str:
    inner = plan
    while isinstance(inner, Once | Shared):
        inner = inner.inner
    return inner.gives if isinstance(inner, Select) else ""
