"""Recording rules over history: what they would have written, had they been there.

Evaluated as range queries at the times at which the group would have been evaluated. Alerting rules
are left out: nobody is to be paged for the past. Reads through a `QueryEngine`; who calls writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.errors import EvaluationError
from collector.model.histogram_columns import columns
from collector.model.labels import METRIC_NAME, Labels
from collector.model.samples import STALE, Float64s, Int64s, filled, is_missing
from collector.query.ast import VectorSelector
from collector.query.interface import QueryEngine
from collector.query.parser import parse
from collector.query.values import Matrix
from collector.query.walk import selectors_in
from collector.rules import schedule
from collector.rules.rule import RecordingRule, RuleGroup
from collector.rules.vector import doubled

STEPS_AT_ONCE = 10_000
"""Steps of one range query: below the engine's own limit of 11,000."""


@dataclass(frozen=True, slots=True)
class History:
    """Samples of one series: `times_ms` int64[n], `values` float64[n] with stale markers."""

    labels: Labels
    times_ms: Int64s
    values: Float64s


@dataclass(frozen=True, slots=True)
class Task:
    """A recording rule, and the rhythm of its group."""

    rule: RecordingRule
    interval_ms: int
    shift_ms: int


def tasks(groups: Sequence[RuleGroup], interval_ms: int) -> list[Task]:
    """The recording rules of all groups, in order; `interval_ms` is that of groups without one."""
    found = []
    for group in groups:
        own_ms = group.interval_ms or interval_ms
        shift_ms = schedule.offset_ms(group.file, group.name, own_ms)
        found += [
            Task(rule, own_ms, shift_ms) for rule in group.rules if isinstance(rule, RecordingRule)
        ]
    return found


def levels(all_tasks: Sequence[Task]) -> list[list[Task]]:
    """The tasks in steps: each reads only what is in the store or what earlier steps wrote.

    Rules that read each other in a circle share the last step.
    """
    waiting = list(all_tasks)
    made: list[list[Task]] = []
    while waiting:
        unwritten = {task.rule.name for task in waiting}
        ready = [task for task in waiting if not _reads(task.rule, unwritten)] or waiting
        made.append(ready)
        waiting = [task for task in waiting if task not in ready]
    return made


def _reads(rule: RecordingRule, names: set[str]) -> bool:
    read = _names_read(rule)
    return bool(names - {rule.name} if read is None else names & read - {rule.name})


def _names_read(rule: RecordingRule) -> set[str] | None:
    """Names of the metrics that the expression selects; None when it may be any."""
    names = [_name_of(one) for one in selectors_in(parse(rule.expr))]
    return None if None in names else {name for name in names if name is not None}


def _name_of(selector: VectorSelector) -> str | None:
    named = [m.value for m in selector.matchers if m.name == METRIC_NAME and m.kind == "="]
    return selector.name or (named[0] if named else None)


def backfilled(task: Task, engine: QueryEngine, start_ms: int, end_ms: int) -> Iterator[History]:
    """What the rule would have written in `[start_ms, end_ms]`, a piece of time after another.

    A series that ends gets a stale marker at the next step. Raises QueryError, EvaluationError.
    """
    step_ms = task.interval_ms
    first_ms = schedule.next_ms(start_ms - 1, step_ms, task.shift_ms)
    alive: set[Labels] = set()
    for from_ms in range(first_ms, end_ms + 1, STEPS_AT_ONCE * step_ms):
        until_ms = min(end_ms, from_ms + (STEPS_AT_ONCE - 1) * step_ms)
        value = engine.range(task.rule.expr, from_ms, until_ms, step_ms).value
        if not isinstance(value, Matrix):
            raise EvaluationError("rule result is not a vector or scalar")
        rows = list(_rows(task.rule, value))
        present = {labels for labels, _ in rows}
        for labels in sorted(alive - present):
            yield History(labels, value.timestamps_ms[:1], np.array([STALE]))
        for labels, values in rows:
            history = _ended(labels, value.timestamps_ms, values, labels in alive)
            if len(history.times_ms):
                yield history
        alive = {labels for labels, values in rows if not is_missing(values[-1:])[0]}


def _rows(rule: RecordingRule, matrix: Matrix) -> Iterator[tuple[Labels, Float64s]]:
    """The series that the rule writes: columns of floats and of native histograms."""
    over = {METRIC_NAME: rule.name, **rule.labels}
    renamed = [labels.merged(over) for labels in matrix.labels]
    if doubled(renamed):
        raise EvaluationError(
            f"{rule.name}: vector contains metrics with the same labelset after applying rule "
            "labels",
            advice="keep the labels that tell the series apart",
        )
    for row, labels in enumerate(renamed):
        if not is_missing(matrix.values[row]).all():
            yield labels, matrix.values[row]
        if matrix.histograms is not None:
            yield from _histogram_rows(labels, matrix.histograms[row].tolist(), matrix.values[row])


def _histogram_rows(
    labels: Labels, cells: Sequence[object], like: Float64s
) -> Iterator[tuple[Labels, Float64s]]:
    found: dict[Labels, Float64s] = {}
    for step, histogram in enumerate(cells):
        if histogram is not None:
            for column, value in columns(labels, histogram):  # type: ignore[arg-type]
                if column not in found:
                    found[column] = filled(len(like))
                found[column][step] = value
    yield from found.items()


def _ended(labels: Labels, times_ms: Int64s, values: Float64s, was_alive: bool) -> History:
    """The samples, with a stale marker where one is followed by none."""
    gap = is_missing(values)
    before = np.concatenate([[not was_alive], gap[:-1]])
    ends = gap & ~before
    values = values.copy()
    values.view(np.int64)[ends] = np.array([STALE]).view(np.int64)[0]
    kept = ~gap | ends
    return History(labels, times_ms[kept], values[kept])
