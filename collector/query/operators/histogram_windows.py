"""Range functions where a window holds native histograms: one series and step at a time.

Kernels have worked on the floats already; here the cells change that histograms have a say in.
Source: promql/functions.go of Prometheus 3.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from collector.model.histogram_arithmetic import IncompatibleBucketsError, was_reset
from collector.model.histogram_sum import HistogramSum
from collector.model.histograms import NativeHistogram, ResetHint
from collector.model.samples import MISSING_BITS, Float64s, is_sample
from collector.query.block import Histograms, are_histograms, no_histograms
from collector.query.operators.histogram_rate import extrapolated_rate
from collector.query.operators.histogram_sums import subtracted
from collector.query.operators.interface import Windows
from collector.query.operators.remarks import Remarks
from collector.query.start_timestamps import is_start_reset

Sample = float | NativeHistogram


@dataclass(frozen=True, slots=True)
class Point:
    """One sample of a window: its time, value, and when its counter began (0: unknown)."""

    time_ms: int
    value: Sample
    began_ms: int


@dataclass(frozen=True, slots=True)
class MixedWindow:
    """The samples of one series in one window, in order of time; at least one is a histogram."""

    name: str
    points: list[Point]
    start_ms: int
    end_ms: int

    @property
    def histograms(self) -> list[NativeHistogram]:
        """Those that are histograms."""
        return [one.value for one in self.points if isinstance(one.value, NativeHistogram)]

    @property
    def is_mixed(self) -> bool:
        """There are floats too."""
        return any(not isinstance(one.value, NativeHistogram) for one in self.points)


Answer = Sample | None
"""The function's value at a step; None where it has none."""


def mixed_windows(windows: Windows) -> Iterator[tuple[int, int, MixedWindow]]:
    """(row, step, window) of every window that holds a histogram."""
    if windows.histograms is None:
        return
    for row in np.flatnonzero(are_histograms(windows.histograms).any(axis=1)).tolist():
        cells = windows.histograms[row]
        is_histogram = are_histograms(cells)
        columns = np.flatnonzero(is_sample(windows.values[row]) | is_histogram)
        points = _points(windows, row, columns.tolist())
        first = np.searchsorted(columns, windows.lo).tolist()
        last = np.searchsorted(columns, windows.hi).tolist()
        counted = np.concatenate([[0], np.cumsum(is_histogram[columns])]).tolist()
        name = windows.labels[row].metric_name
        for step, (a, b) in enumerate(zip(first, last, strict=True)):
            if counted[b] > counted[a]:
                bounds = (int(windows.starts_ms[step]), int(windows.ends_ms[step]))
                yield row, step, MixedWindow(name, points[a:b], *bounds)


def _points(windows: Windows, row: int, columns: list[int]) -> list[Point]:
    cells = () if windows.histograms is None else windows.histograms[row]
    began = windows.began_ms
    return [
        Point(
            int(windows.timestamps_ms[column]),
            cells[column] if cells[column] is not None else float(windows.values[row, column]),
            0 if began is None else int(began[row, column]),
        )
        for column in columns
    ]


def apply_to_histograms(
    name: str, windows: Windows, range_ms: int, out: Float64s, remarks: Remarks
) -> Histograms | None:
    """Put right the cells of `out` (float64[n, t]) whose windows hold histograms.

    Gives those cells of the answer that are histograms, None where the input has none.
    """
    if windows.histograms is None:
        return None
    answers = no_histograms(out.shape)
    for row, step, window in mixed_windows(windows):
        if name in _FLOATS_ONLY:
            if window.is_mixed:
                remarks.ignored_in_range(window.name)
            continue
        answer = _FUNCTIONS[name](window, range_ms, remarks)
        if isinstance(answer, NativeHistogram):
            answers[row, step] = answer
            answer = None
        if answer is None:
            out.view(np.int64)[row, step] = MISSING_BITS
        else:
            out[row, step] = answer
    return answers


_FLOATS_ONLY = frozenset(
    (
        "deriv",
        "double_exponential_smoothing",
        "mad_over_time",
        "max_over_time",
        "min_over_time",
        "predict_linear",
        "quantile_over_time",
        "stddev_over_time",
        "stdvar_over_time",
        "ts_of_max_over_time",
        "ts_of_min_over_time",
    )
)
"""Functions that look at floats only, and say so where there are histograms too."""


def _rate(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return _extrapolated(window, remarks, range_ms / 1000, is_counter=True)


def _increase(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return _extrapolated(window, remarks, 1.0, is_counter=True)


def _delta(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return _extrapolated(window, remarks, 1.0, is_counter=False)


def _extrapolated(
    window: MixedWindow, remarks: Remarks, seconds: float, *, is_counter: bool
) -> Answer:
    if window.is_mixed:
        remarks.mixed_kinds(window.name)
        return None
    return extrapolated_rate(
        window.histograms,
        [one.time_ms for one in window.points],
        [one.began_ms for one in window.points],
        (window.start_ms, window.end_ms),
        window.name,
        remarks,
        is_counter,
        seconds,
    )


def _irate(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return _last_two(window, remarks, is_rate=True)


def _idelta(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return _last_two(window, remarks, is_rate=False)


def _last_two(window: MixedWindow, remarks: Remarks, *, is_rate: bool) -> Answer:
    if len(window.points) < 2:
        return None
    before, last = window.points[-2:]
    old, new = before.value, last.value
    seconds = (last.time_ms - before.time_ms) / 1000
    started = is_start_reset(before.began_ms, before.time_ms, last.began_ms, last.time_ms)
    if not isinstance(old, NativeHistogram) and not isinstance(new, NativeHistogram):
        change = new if is_rate and (new < old or started) else new - old
        return change / seconds if is_rate else change
    if not isinstance(old, NativeHistogram) or not isinstance(new, NativeHistogram):
        remarks.mixed_kinds(window.name)
        return None
    gauges = [one.reset_hint == ResetHint.GAUGE for one in (old, new)]
    if is_rate and any(gauges):
        remarks.not_a_counter(window.name)
    if not is_rate and not all(gauges):
        remarks.not_a_gauge(window.name)
    if not is_rate or not (started or was_reset(new, old)):
        difference = _difference(new, old, window.name, remarks)
        if difference is None:
            return None
        new = difference
    new = new.with_hint(ResetHint.GAUGE)
    return new.divided_by(seconds) if is_rate else new


def _difference(
    new: NativeHistogram, old: NativeHistogram, name: str, remarks: Remarks
) -> NativeHistogram | None:
    try:
        return subtracted(new, old, remarks)
    except IncompatibleBucketsError:
        remarks.mixed_schemas(name)
        return None


def _sum(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return _summed(window, remarks, HistogramSum.take, HistogramSum.total)


def _avg(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return _summed(window, remarks, HistogramSum.take_for_mean, HistogramSum.mean)


def _summed(
    window: MixedWindow,
    remarks: Remarks,
    take: Callable[[HistogramSum, NativeHistogram], None],
    result: Callable[[HistogramSum], NativeHistogram],
) -> Answer:
    if window.is_mixed:
        remarks.mixed_kinds(window.name)
        return None
    first, *others = window.histograms
    total = HistogramSum(first)
    try:
        for one in others:
            take(total, one)
    except IncompatibleBucketsError:
        remarks.mixed_schemas(window.name)
        return None
    if total.collision:
        remarks.collision("aggregation")
    if total.reconciled:
        remarks.reconciled("aggregation")
    return result(total)


def _count(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return float(len(window.points))


def _present(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return 1.0


def _first(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return window.points[0].value


def _last(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return window.points[-1].value


def _time_of_first(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return window.points[0].time_ms / 1000


def _time_of_last(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return window.points[-1].time_ms / 1000


def _changes(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return count_changes(window.points)


def _resets(window: MixedWindow, range_ms: int, remarks: Remarks) -> Answer:
    return count_resets(window.points)


def count_changes(points: list[Point]) -> float:
    """How often a sample differs from the one before it."""
    pairs = itertools.pairwise(points)
    return float(sum(_differs(before.value, after.value) for before, after in pairs))


def count_resets(points: list[Point]) -> float:
    """How often a counter was reset; a change of kind counts as one."""
    return float(sum(map(_is_reset, points[:-1], points[1:])))


def _differs(before: Sample, after: Sample) -> bool:
    if isinstance(before, NativeHistogram):
        return not isinstance(after, NativeHistogram) or not after.equals(before)
    if isinstance(after, NativeHistogram):
        return True
    return before != after and not (before != before and after != after)


def _is_reset(before: Point, after: Point) -> bool:
    old, new = before.value, after.value
    if isinstance(old, NativeHistogram) != isinstance(new, NativeHistogram):
        return True
    if is_start_reset(before.began_ms, before.time_ms, after.began_ms, after.time_ms):
        return True
    if isinstance(old, NativeHistogram) and isinstance(new, NativeHistogram):
        return was_reset(new, old)
    return not isinstance(old, NativeHistogram) and new < old  # type: ignore[operator]


_FUNCTIONS: dict[str, Callable[[MixedWindow, int, Remarks], Answer]] = {
    "rate": _rate,
    "increase": _increase,
    "delta": _delta,
    "irate": _irate,
    "idelta": _idelta,
    "sum_over_time": _sum,
    "avg_over_time": _avg,
    "count_over_time": _count,
    "present_over_time": _present,
    "first_over_time": _first,
    "last_over_time": _last,
    "ts_of_first_over_time": _time_of_first,
    "ts_of_last_over_time": _time_of_last,
    "changes": _changes,
    "resets": _resets,
}
