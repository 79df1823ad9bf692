"""Wraps what stands in a query more than once (`(a - b) / a`) into `Shared`, to be run once."""

from __future__ import annotations

from collections import Counter

from collector.query.plan import (
    NumberPlan,
    Plan,
    Select,
    SelectWindows,
    Shared,
    TextPlan,
    children,
    with_children,
)


def share_common(plan: Plan) -> Plan:
    """The same plan, in which equal parts that read samples are marked as shared."""
    times: Counter[Plan] = Counter()
    _count(plan, times)
    if all(count == 1 for part, count in times.items() if _reads(part)):
        return plan
    return _marked(plan, times, 1)


def _count(plan: Plan, times: Counter[Plan]) -> None:
    times[plan] += 1
    for child in children(plan):
        _count(child, times)


def _marked(plan: Plan, times: Counter[Plan], above: int) -> Plan:
    """`above`: how often the nearest shared plan around this one stands in the query."""
    if isinstance(plan, NumberPlan | TextPlan):
        return plan
    count = times[plan]
    if count <= above or not _reads(plan):
        return with_children(plan, lambda child: _marked(child, times, above))
    return Shared(with_children(plan, lambda child: _marked(child, times, count)))


def _reads(plan: Plan) -> bool:
    return isinstance(plan, Select | SelectWindows) or any(map(_reads, children(plan)))
