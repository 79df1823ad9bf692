"""`anchored` and `smoothed` windows of native histograms, and the `smoothed` selector.

As of floats (`kernels.extended`): an anchored window starts from the newest sample at or before its
start, a smoothed one has values on straight lines between samples at both ends. Source:
promql/functions.go of Prometheus 3 (`extendedHistogramRate`, `interpolateHistograms`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from collector.model.histogram_arithmetic import (
    IncompatibleBucketsError,
    was_reset,
)
from collector.model.histograms import NativeHistogram, ResetHint
from collector.model.samples import MISSING_BITS, Float64s, Int64s, is_missing, is_sample
from collector.query.block import Histograms, are_histograms, no_histograms
from collector.query.operators.histogram_sums import added, subtracted
from collector.query.operators.histogram_windows import (
    MixedWindow,
    Point,
    count_changes,
    count_resets,
    mixed_windows,
)
from collector.query.operators.interface import Windows
from collector.query.operators.remarks import Remarks


def apply_extended(
    name: str, windows: Windows, smoothed: bool, seconds: float, out: Float64s, remarks: Remarks
) -> Histograms | None:
    """As `apply_to_histograms`, for windows that reach beyond their own ends.

    `seconds` divides the answer: the range for rate, 1 otherwise.
    """
    if windows.histograms is None:
        return None
    answers = no_histograms(out.shape)
    for row, step, window in mixed_windows(windows):
        out.view(np.int64)[row, step] = MISSING_BITS
        if name in _COUNTED:
            points = _from_anchor(window)
            if points:
                out[row, step] = _COUNTED[name](points)
        elif window.is_mixed:
            remarks.mixed_kinds(window.name)
        else:
            answers[row, step] = _rate(name, window, smoothed, seconds, remarks)
    return answers


_COUNTED: dict[str, Callable[[list[Point]], float]] = {
    "changes": count_changes,
    "resets": count_resets,
}


def _from_anchor(window: MixedWindow) -> list[Point]:
    """The newest sample at or before the window's start, and those within; none: no answer."""
    inside = bisect_right(window.points, window.start_ms, key=lambda one: one.time_ms)
    if inside == len(window.points):
        return []
    return window.points[max(inside - 1, 0) :]


@dataclass(frozen=True, slots=True)
class _Ends:
    """The first and last sample that count (indices), and the values at the window's two ends."""

    first: int
    last: int
    left: NativeHistogram
    right: NativeHistogram


def _rate(
    name: str, window: MixedWindow, smoothed: bool, seconds: float, remarks: Remarks
) -> NativeHistogram | None:
    is_counter = name != "delta"
    samples, times = window.histograms, [one.time_ms for one in window.points]
    bounds = _sample_range(times, window, smoothed)
    if bounds is None or not _check(samples, bounds, is_counter, window.name, remarks):
        return None
    try:
        ends = _ends(samples, times, bounds, window, smoothed and is_counter, smoothed, remarks)
        both_gauges = ends.left.reset_hint == ends.right.reset_hint == ResetHint.GAUGE
        if not is_counter and not both_gauges:
            remarks.not_a_gauge(window.name)
        change = subtracted(ends.right, ends.left, remarks)
        if is_counter:
            crossed = smoothed and times[ends.first] < window.start_ms
            for lost in _lost_at_resets(samples, ends, crossed):
                change = added(change, lost, remarks)
    except IncompatibleBucketsError:
        remarks.mixed_schemas(window.name)
        return None
    return change.divided_by(seconds).with_hint(ResetHint.GAUGE)


def _sample_range(times: list[int], window: MixedWindow, smoothed: bool) -> tuple[int, int] | None:
    last = len(times) - 1
    first = max(0, bisect_right(times, window.start_ms, 0, last) - 1)
    if smoothed:
        last = bisect_left(times, window.end_ms, 0, last)
    if times[last] <= window.start_ms or (smoothed and times[first] > window.end_ms):
        return None
    return first, last


def _check(
    samples: list[NativeHistogram],
    bounds: tuple[int, int],
    is_counter: bool,
    name: str,
    remarks: Remarks,
) -> bool:
    """Whether all samples have buckets of one kind; says where one is a gauge."""
    used = samples[bounds[0] : bounds[1] + 1]
    for one in used:
        if one.has_custom_buckets != samples[bounds[0]].has_custom_buckets:
            remarks.mixed_schemas(name)
            return False
        if is_counter and one.reset_hint == ResetHint.GAUGE:
            remarks.not_a_counter(name)
    return True


def _ends(
    samples: list[NativeHistogram],
    times: list[int],
    bounds: tuple[int, int],
    window: MixedWindow,
    is_counter: bool,
    smoothed: bool,
    remarks: Remarks,
) -> _Ends:
    first, last = bounds
    left, right = samples[first], samples[last]
    if smoothed and times[first] < window.start_ms:
        left = _between(samples, times, first, window.start_ms, is_counter, remarks)
    if smoothed and last > 0 and times[last] > window.end_ms:
        right = _between(samples, times, last - 1, window.end_ms, is_counter, remarks)
    return _Ends(first, last, left, right)


def _between(
    samples: list[NativeHistogram],
    times: list[int],
    i: int,
    at_ms: int,
    is_counter: bool,
    remarks: Remarks,
) -> NativeHistogram:
    """The histogram at a time on the line from sample i to the next."""
    before, after = samples[i], samples[i + 1]
    if at_ms == times[i]:
        return before
    if at_ms == times[i + 1]:
        return after
    share = (at_ms - times[i]) / (times[i + 1] - times[i])
    if is_counter and was_reset(after, before):
        return after.times(share)  # it began at zero where the sample before is
    rise = subtracted(after, before, remarks)
    return added(rise.times(share), before, remarks)


def _lost_at_resets(
    samples: list[NativeHistogram], ends: _Ends, crossed: bool
) -> list[NativeHistogram]:
    """The value before each reset within the window; `crossed`: the left end is on a line."""
    begin, previous = ends.first + 1, ends.left
    if crossed and was_reset(samples[begin], samples[ends.first]):
        # the line to the left end has that reset in it already
        previous, begin = samples[begin], begin + 1
    if begin > ends.last:
        return []
    lost = []
    for one in (*samples[begin : ends.last], ends.right):
        if was_reset(one, previous):
            lost.append(previous)
        previous = one
    return lost


# -- the selector ---------------------------------------------------------------------------------


def interpolated_histograms(
    windows: Windows, at_ms: Int64s, out: Float64s, remarks: Remarks
) -> Histograms | None:
    """The histogram at each step on the line between the samples around it.

    Windows reach a lookback to both sides. One with floats and histograms has no answer: its cell
    of `out` (float64[n, t]) becomes MISSING.
    """
    if windows.histograms is None:
        return None
    answers = no_histograms(out.shape)
    for row in np.flatnonzero(are_histograms(windows.histograms).any(axis=1)).tolist():
        for step, time in enumerate(at_ms.tolist()):
            part = slice(int(windows.lo[step]), int(windows.hi[step]))
            cells = windows.histograms[row, part]
            there = are_histograms(cells)
            if not there.any():
                continue
            values = np.ascontiguousarray(windows.values[row, part])
            name = windows.labels[row].metric_name
            out.view(np.int64)[row, step] = MISSING_BITS
            if is_sample(values).any():
                remarks.mixed_kinds(name)
                continue
            stamps = windows.timestamps_ms[part]
            known = there | ~is_missing(values)
            answers[row, step] = _at(cells[known], stamps[known].tolist(), time, name, remarks)
    return answers


def _at(
    cells: Histograms, times: list[int], at_ms: int, name: str, remarks: Remarks
) -> NativeHistogram | None:
    """The value at a time; a cell is None where the series ended."""
    after = bisect_right(times, at_ms)
    if after == 0 or cells[after - 1] is None:
        return None
    before: NativeHistogram = cells[after - 1]
    if times[after - 1] == at_ms or after == len(times) or cells[after] is None:
        return before
    if before.has_custom_buckets != cells[after].has_custom_buckets:
        remarks.mixed_schemas(name)
        return None
    is_counter = ResetHint.GAUGE not in (before.reset_hint, cells[after].reset_hint)
    return _between(list(cells), times, after - 1, at_ms, is_counter, remarks)
