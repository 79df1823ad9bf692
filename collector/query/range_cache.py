"""Answers of range queries kept, so that a dashboard's refresh costs its new steps only.

A value at a step depends on samples up to the step (and a known reach beyond, `reach`); the store
tells from which time on samples changed since an answer was made (`Querier.changed_since`: late
samples and deletions too). So a step is taken from the cache when nothing that it depends on has
changed, and is what the store would answer: there is no window near now that is guessed at.

Answers are found by plan, not by text: durations are numbers there, and `@ end()` a time. Answers
with annotations are not kept, because these belong to the whole range; nor are those of native
histograms, whose resets are found by what was read before them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np

from collector.model.labels import Labels
from collector.model.samples import filled, is_missing
from collector.query.block import any_histograms, are_histograms, no_histograms
from collector.query.grid import Grid
from collector.query.operators.interface import Context
from collector.query.plan import Plan
from collector.query.reach import reach_of
from collector.query.self_metrics import QueryMetrics
from collector.query.values import Matrix

LARGEST_SHARE = 4
"""An answer over a fourth of the room is not kept: it would drive out all others."""
BYTES_A_SERIES = 120
"""What a kept series costs beside its values."""
_LATEST = 2**62

Evaluate = Callable[[Grid], Matrix]


@dataclass(frozen=True, slots=True)
class _Key:
    """Queries whose steps are the same times and whose values there are the same."""

    plan: Plan
    step_ms: int
    phase_ms: int
    lookback_ms: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer as the store was at `version`."""

    grid: Grid
    matrix: Matrix
    version: int
    nbytes: int


class RangeCache:
    """Bounded by `max_bytes`, the least recently used forgotten first; safe from any thread."""

    def __init__(self, max_bytes: int, metrics: QueryMetrics) -> None:
        self._max_bytes = max_bytes
        self._metrics = metrics
        self._lock = Lock()
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._bytes = 0

    def matrix(self, plan: Plan, context: Context, evaluate: Evaluate) -> Matrix:
        """The answer of `plan` on the context's grid; `evaluate` gives it for parts of the grid."""
        grid = context.grid
        reach = reach_of(plan, context.lookback_ms) if self._max_bytes and len(grid) > 1 else None
        if reach is None:
            return evaluate(grid)
        phase_ms = grid.start_ms % grid.step_ms
        key = _Key(plan, grid.step_ms, phase_ms, context.lookback_ms)
        kept = self._find(key)
        since = _LATEST if kept is None else kept.version
        version, changed_ms = context.querier.changed_since(since)
        usable = None
        if kept is not None and reach.until_ms < changed_ms:
            usable = _common(kept.grid, grid, changed_ms - 1 - reach.forward_ms)
        matrix = _completed(kept, usable, grid, evaluate)
        covers = usable is not None and len(usable) == len(grid)
        if context.budget.has_read_histograms:
            return evaluate(grid) if usable is not None else matrix
        self._count(grid, usable)
        if not covers and not context.annotations.count:
            self._keep(key, grid, matrix, version)
        return matrix

    def _find(self, key: _Key) -> _Kept | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def _keep(self, key: _Key, grid: Grid, matrix: Matrix, version: int) -> None:
        matrix.values.flags.writeable = False
        nbytes = matrix.values.nbytes + BYTES_A_SERIES * len(matrix.labels) + 8 * len(grid)
        with self._lock:
            former = self._kept.pop(key, None)
            self._bytes -= former.nbytes if former else 0
            if nbytes * LARGEST_SHARE <= self._max_bytes:
                self._kept[key] = _Kept(grid, matrix, version, nbytes)
                self._bytes += nbytes
            while self._bytes > self._max_bytes:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
            self._metrics.cache_bytes.set(self._bytes)

    def _count(self, grid: Grid, usable: Grid | None) -> None:
        from_cache = 0 if usable is None else len(usable)
        self._metrics.cached_steps.labels("cache").inc(from_cache)
        self._metrics.cached_steps.labels("store").inc(len(grid) - from_cache)


def _common(kept: Grid, wanted: Grid, until_ms: int) -> Grid | None:
    """The steps of both up to a time; they have one step and one phase."""
    start_ms = max(kept.start_ms, wanted.start_ms)
    end_ms = min(_last(kept), _last(wanted))
    if until_ms < end_ms:
        end_ms -= -(-(end_ms - until_ms) // wanted.step_ms) * wanted.step_ms
    return Grid(start_ms, end_ms, wanted.step_ms) if start_ms <= end_ms else None


def _last(grid: Grid) -> int:
    return grid.start_ms + (len(grid) - 1) * grid.step_ms


def _completed(kept: _Kept | None, usable: Grid | None, grid: Grid, evaluate: Evaluate) -> Matrix:
    """The kept steps with those before and after them evaluated."""
    if kept is None or usable is None:
        return evaluate(grid)
    step_ms, last_ms = grid.step_ms, _last(grid)
    pieces = [_cut(kept, usable)]
    if usable.start_ms > grid.start_ms:
        pieces.insert(0, evaluate(Grid(grid.start_ms, usable.start_ms - step_ms, step_ms)))
    if usable.end_ms < last_ms:
        pieces.append(evaluate(Grid(usable.end_ms + step_ms, last_ms, step_ms)))
    return _joined(pieces, grid)


def _cut(kept: _Kept, usable: Grid) -> Matrix:
    first = (usable.start_ms - kept.grid.start_ms) // usable.step_ms
    values = kept.matrix.values[:, first : first + len(usable)]
    return Matrix(kept.matrix.labels, usable.times_ms, values)


def _joined(pieces: Sequence[Matrix], grid: Grid) -> Matrix:
    """Pieces side by side; series sorted by labels, without those that have no value any more."""
    labels = pieces[0].labels
    if any(piece.histograms is not None for piece in pieces):
        return _joined_by_labels(pieces, grid)
    if any(piece.labels != labels for piece in pieces):
        return _joined_by_labels(pieces, grid)
    values = np.concatenate([piece.values for piece in pieces], axis=1)
    return _without_empty_rows(Matrix(labels, grid.times_ms, values))


def _joined_by_labels(pieces: Sequence[Matrix], grid: Grid) -> Matrix:
    labels = sorted({one for piece in pieces for one in piece.labels}, key=_pairs)
    row_of = {one: row for row, one in enumerate(labels)}
    values, at = filled((len(labels), len(grid))), 0
    histograms = no_histograms(values.shape)
    for piece in pieces:
        end = at + len(piece.timestamps_ms)
        rows = [row_of[one] for one in piece.labels]
        values[rows, at:end] = piece.values
        if piece.histograms is not None:
            histograms[rows, at:end] = piece.histograms
        at = end
    return _without_empty_rows(Matrix(labels, grid.times_ms, values, any_histograms(histograms)))


def _without_empty_rows(matrix: Matrix) -> Matrix:
    there = ~is_missing(matrix.values)
    if matrix.histograms is not None:
        there |= are_histograms(matrix.histograms)
    rows = np.flatnonzero(there.any(axis=1))
    if len(rows) == len(matrix.labels):
        return matrix
    histograms = None if matrix.histograms is None else matrix.histograms[rows]
    labels = [matrix.labels[row] for row in rows.tolist()]
    return Matrix(labels, matrix.timestamps_ms, matrix.values[rows], histograms)


def _pairs(labels: Labels) -> tuple[tuple[str, str], ...]:
    return labels.pairs
