"""`info(v, {selector})`: adds labels of info series that share `instance` and `job`.

Of several series of one info metric, the one with the newest sample counts. Labels that the base
series has are left alone. Source: promql/info.go of Prometheus 3.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.errors import EvaluationError
from collector.model.labels import METRIC_NAME, Labels
from collector.model.matchers import Matcher
from collector.model.samples import MISSING_BITS, Bools, Float64s, Int64s
from collector.query.block import Block, histograms_where, merged, stacked
from collector.query.operators.interface import Context, Operator, vector
from collector.query.operators.matching import braces
from collector.query.operators.scan import latest_columns, read_windows

IDENTIFYING = ("instance", "job")
"""Labels by which a series knows its info series: a convention of Prometheus, not an option yet."""
_DEFAULT = Matcher("=", METRIC_NAME, "target_info")
_ANY_INFO = Matcher("=~", METRIC_NAME, ".+_info")


@dataclass(frozen=True, slots=True)
class Info:
    """`matchers` choose info metrics (by name) and labels; `shifts` the time to read them at."""

    inner: Operator
    matchers: tuple[Matcher, ...]
    shifts: tuple[tuple[int, int | None], ...]

    def run(self, context: Context) -> Block:
        """The base series, some of them under more labels, some (by a label matcher) gone."""
        base = vector(self.inner, context)
        names = _name_matchers(self.matchers)
        data = tuple(one for one in self.matchers if one.name != METRIC_NAME)
        newest, infos = self._newest(context, (*names, *data))
        wanted = frozenset(one.name for one in data)
        required = any(not one.matches_empty() for one in data)
        rows = _by_identity(infos)
        blocks = []
        for row, labels in enumerate(base.labels):
            if all(one.matches(labels.metric_name) for one in names):
                blocks.append(base.rows(np.array([row], np.int64)))
                continue
            candidates = rows.get(_identity(labels), {})
            blocks += _enriched(base, row, candidates, newest, infos, wanted, required)
        return merged(stacked(blocks, len(context.grid)))

    def explain(self) -> str:
        """What is joined."""
        return f"info with {', '.join(map(str, self.matchers)) or str(_DEFAULT)}"

    def _newest(
        self, context: Context, matchers: tuple[Matcher, ...]
    ) -> tuple[Float64s, Sequence[Labels]]:
        """When each info series had its newest sample (s, -inf: none), at each step's own time."""
        times = context.grid.times_ms
        for offset_ms, at_ms in self.shifts:
            times = (np.full_like(times, at_ms) if at_ms is not None else times) - offset_ms
        newest: list[Float64s] = []
        infos: list[Labels] = []
        for found in read_windows(context, matchers, times - context.lookback_ms, times):
            if found.cells is not None:
                name = braces(found.labels[0])
                raise EvaluationError(f"this should be an info metric, with float samples: {name}")
            columns = latest_columns(found)
            context.budget.load(columns.size)
            newest.append(np.where(columns >= 0, found.timestamps_ms[columns] / 1000, -np.inf))
            infos += found.labels
        return np.concatenate([np.empty((0, len(times))), *newest]), infos


def _name_matchers(matchers: tuple[Matcher, ...]) -> tuple[Matcher, ...]:
    """The matchers of the metric's name; a name that is only denied must still be an info."""
    names = tuple(one for one in matchers if one.name == METRIC_NAME)
    if not names:
        return (_DEFAULT,)
    return names if any(one.kind in ("=", "=~") for one in names) else (*names, _ANY_INFO)


def _identity(labels: Labels) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in IDENTIFYING)


def _by_identity(infos: Sequence[Labels]) -> dict[tuple[str, ...], dict[str, list[int]]]:
    """Rows of info series by identity, then by metric name."""
    found: dict[tuple[str, ...], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, labels in enumerate(infos):
        identity = _identity(labels)
        if any(identity):
            found[identity][labels.metric_name].append(row)
    return found


def _enriched(
    base: Block,
    row: int,
    candidates: Mapping[str, Sequence[int]],
    newest: Float64s,
    infos: Sequence[Labels],
    wanted: frozenset[str],
    required: bool,
) -> list[Block]:
    """One block for each set of info series that holds at some steps."""
    present = base.rows(np.array([row], np.int64)).present()[0]
    choice = _chosen(candidates, newest, len(present))
    blocks = []
    for combination in np.unique(choice[:, present], axis=1).T:
        chosen = [infos[index] for index in combination.tolist() if index >= 0]
        if not chosen and required:
            continue
        labels = _joined(base.labels[row], chosen, wanted)
        here = present & (choice == combination[:, np.newaxis]).all(axis=0)
        blocks.append(_cut(base, row, labels, here))
    return blocks


def _chosen(candidates: Mapping[str, Sequence[int]], newest: Float64s, steps: int) -> Int64s:
    """For each info metric, the row with the newest sample at each step, or -1."""
    choice = np.full((max(len(candidates), 1), steps), -1, np.int64)
    for place, rows in enumerate(candidates.values()):
        times = newest[list(rows)]
        best = np.array(rows, np.int64)[times.argmax(axis=0)]
        there = np.isfinite(times).any(axis=0)
        choice[place, there] = best[there]
    return choice


def _joined(base: Labels, chosen: Sequence[Labels], wanted: frozenset[str]) -> Labels:
    added: dict[str, str] = {}
    for info in chosen:
        for name, value in info.pairs:
            if name == METRIC_NAME or name in base or (wanted and name not in wanted):
                continue
            if added.setdefault(name, value) != value:
                raise EvaluationError(f"conflicting label: {name}")
    return base.merged(added)


def _cut(base: Block, row: int, labels: Labels, here: Bools) -> Block:
    cells = np.where(here, base.values[row].view(np.int64), MISSING_BITS).view(np.float64)
    histograms = None
    if base.histograms is not None:
        histograms = histograms_where(here[np.newaxis, :], base.histograms[row : row + 1])
    return Block([labels], cells[np.newaxis, :], base.dropped[row : row + 1], histograms)
