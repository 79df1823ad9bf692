"""Wraps what does not depend on the step (`x @ 100`, `rate(x[5m] @ end())`) into `Once`."""

from __future__ import annotations

from dataclasses import replace

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
    SubqueryPlan,
    TextPlan,
    children,
)

_DEPENDS_ON_STEP = frozenset(("time", "timestamp", "predict_linear"))


def hoist_invariant(plan: Plan) -> Plan:
    """The same plan, in which the largest step-invariant parts run once."""
    if _is_invariant(plan):
        return _once(plan)
    match plan:
        case CallPlan(args=args):
            return replace(plan, args=tuple(hoist_invariant(arg) for arg in args))
        case (
            AbsentPlan(inner=inner)
            | NegatePlan(inner=inner)
            | SubqueryPlan(inner=inner)
            | InfoPlan(inner=inner)
        ):
            return replace(plan, inner=hoist_invariant(inner))
        case AggregatePlan(inner=inner, param=param):
            hoisted = None if param is None else hoist_invariant(param)
            return replace(plan, inner=hoist_invariant(inner), param=hoisted)
        case BinaryPlan(left=left, right=right):
            return replace(plan, left=hoist_invariant(left), right=hoist_invariant(right))
        case _:
            return plan


def _once(plan: Plan) -> Plan:
    match plan:
        case NumberPlan() | TextPlan() | SelectWindows() | Once():
            return plan
        case SubqueryPlan(inner=inner):
            return replace(plan, inner=hoist_invariant(inner))
        case _:
            return Once(plan)


def _is_invariant(plan: Plan) -> bool:
    match plan:
        case Select(at_ms=at) | SelectWindows(at_ms=at):
            return at is not None
        case SubqueryPlan(at_ms=at):
            return at is not None  # whatever the inner plan reads, it reads on one fixed grid
        case CallPlan(name="timestamp", args=(Select(at_ms=at, gives="time"),)):
            return at is not None
        case CallPlan(name=name) if name in _DEPENDS_ON_STEP:
            return False
        case _:
            return all(_is_invariant(child) for child in children(plan))
