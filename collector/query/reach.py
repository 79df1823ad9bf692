"""`Reach`: which samples the value of a plan at a step depends on; what a cache must know of it."""

from __future__ import annotations

from dataclasses import dataclass

from collector.query.plan import (
    AggregatePlan,
    InfoPlan,
    Plan,
    Select,
    SelectWindows,
    SubqueryPlan,
    children,
)

NEVER_MS = -(2**62)


@dataclass(frozen=True, slots=True)
class Reach:
    """A step at time t depends on samples up to `t + forward_ms`, and on some up to `until_ms`.

    `forward_ms` is below zero where offsets look back; `until_ms` comes from `@` and holds for all
    steps alike. NEVER_MS where there are no such samples.
    """

    forward_ms: int = NEVER_MS
    until_ms: int = NEVER_MS

    def with_(self, other: Reach) -> Reach:
        """What both depend on."""
        return Reach(max(self.forward_ms, other.forward_ms), max(self.until_ms, other.until_ms))

    def seen_at(self, offset_ms: int, at_ms: int | None) -> Reach:
        """This, looked at from elsewhere: at a step's time less the offset, or at a fixed time."""
        if self.forward_ms == NEVER_MS:
            return self
        if at_ms is None:
            return Reach(self.forward_ms - offset_ms, self.until_ms)
        return Reach(NEVER_MS, max(self.until_ms, at_ms - offset_ms + self.forward_ms))


def reach_of(plan: Plan, lookback_ms: int) -> Reach | None:
    """The reach of a plan; None where a step's value depends on more than samples.

    Such are `limitk`, which takes the first series that come, and `info`, which reads series that
    the plan does not name.
    """
    match plan:
        case Select() | SelectWindows():
            ahead_ms = lookback_ms if plan.extension == "smoothed" else 0
            return Reach(ahead_ms).seen_at(plan.offset_ms, plan.at_ms)
        case SubqueryPlan():
            inner = reach_of(plan.inner, lookback_ms)
            return None if inner is None else inner.seen_at(plan.offset_ms, plan.at_ms)
        case InfoPlan() | AggregatePlan(operator="limitk"):
            return None
        case _:
            return _together(plan, lookback_ms)


def _together(plan: Plan, lookback_ms: int) -> Reach | None:
    whole = Reach()
    for child in children(plan):
        reach = reach_of(child, lookback_ms)
        if reach is None:
            return None
        whole = whole.with_(reach)
    return whole
