"""rate, increase and delta of native histograms: as of floats, count by count.

The count decides how far the answer is extrapolated. Source: promql/functions.go of Prometheus 3
(`extrapolatedRate`, `histogramRate`).
"""

from __future__ import annotations

from collector.model.histogram_arithmetic import (
    IncompatibleBucketsError,
    was_reset,
    with_schema,
)
from collector.model.histograms import NativeHistogram, ResetHint
from collector.query.operators.histogram_sums import added, subtracted
from collector.query.operators.remarks import Remarks
from collector.query.start_timestamps import is_start_reset, overlaps

_CLOSE = 1.1
"""A sample is close to the window's end within this many average distances of samples."""


def extrapolated_rate(
    samples: list[NativeHistogram],
    times_ms: list[int],
    began_ms: list[int],
    window_ms: tuple[int, int],
    name: str,
    remarks: Remarks,
    is_counter: bool,
    seconds: float,
) -> NativeHistogram | None:
    """What the histogram would have changed by over the whole window, divided by `seconds`."""
    change = None
    if len(samples) > 1:
        change = _change(samples, times_ms, began_ms, name, remarks, is_counter)
        if change is None:
            return None
    start, end = window_ms
    sampled_ms = times_ms[-1] - times_ms[0]
    average_ms = sampled_ms / (len(samples) - 1) if len(samples) > 1 else 0.0
    to_end_ms: float = end - times_ms[-1]
    to_start_ms: float = times_ms[0] - start
    if is_counter and began_ms[0] != 0 and start < began_ms[0] < times_ms[0]:
        # the counter was zero within the window: nothing to guess
        to_start_ms, sampled_ms = 0, times_ms[-1] - began_ms[0]
        change = samples[0] if change is None else _added(change, samples[0], name, remarks)
    elif change is not None:
        if to_start_ms >= average_ms * _CLOSE:
            to_start_ms = average_ms / 2
        if is_counter and change.count > 0 and samples[0].count >= 0:
            to_start_ms = min(to_start_ms, sampled_ms * (samples[0].count / change.count))
    if change is None:
        return None
    if to_end_ms >= average_ms * _CLOSE:
        to_end_ms = average_ms / 2
    factor = (sampled_ms + to_start_ms + to_end_ms) / sampled_ms if sampled_ms else 1.0
    return change.times(factor / seconds)


def _change(
    samples: list[NativeHistogram],
    times_ms: list[int],
    began_ms: list[int],
    name: str,
    remarks: Remarks,
    is_counter: bool,
) -> NativeHistogram | None:
    """Last minus first, with what was lost at resets. None where schemas don't go together."""
    first, second, last = samples[0], samples[1], samples[-1]
    resets = _Resets(samples, times_ms, began_ms)
    if not is_counter:
        if first.reset_hint != ResetHint.GAUGE or last.reset_hint != ResetHint.GAUGE:
            remarks.not_a_gauge(name)
    elif any(one.reset_hint == ResetHint.GAUGE for one in samples):
        remarks.not_a_counter(name)
    if is_counter and resets.at(1):
        # all of the first is gone; so its layout does not matter either
        first = NativeHistogram(second.schema, 0.0, 0.0, custom_values=second.custom_values)
    between = samples[1:-1] if is_counter else []
    if any(one.has_custom_buckets != first.has_custom_buckets for one in (*between, last)):
        remarks.mixed_schemas(name)
        return None
    schema = min(one.schema for one in (first, *between, last))
    try:
        total = subtracted(with_schema(last, schema), first, remarks)
        previous = first
        for i in range(1, len(samples)) if is_counter else ():
            if resets.overlap(i):
                remarks.start_overlaps(name)
            if resets.started(i) or was_reset(samples[i], previous):
                total = added(total, previous, remarks)
            previous = samples[i]
    except IncompatibleBucketsError:
        remarks.mixed_schemas(name)
        return None
    return total.with_hint(ResetHint.GAUGE)


def _added(
    change: NativeHistogram, first: NativeHistogram, name: str, remarks: Remarks
) -> NativeHistogram | None:
    try:
        return added(change, first, remarks)
    except IncompatibleBucketsError:
        remarks.mixed_schemas(name)
        return None


class _Resets:
    """Where the counter of some samples was reset."""

    def __init__(
        self, samples: list[NativeHistogram], times_ms: list[int], began_ms: list[int]
    ) -> None:
        self._samples = samples
        self._times_ms = times_ms
        self._began_ms = began_ms

    def started(self, i: int) -> bool:
        """By its start timestamp, between sample i - 1 and i."""
        times, began = self._times_ms, self._began_ms
        return is_start_reset(began[i - 1], times[i - 1], began[i], times[i])

    def overlap(self, i: int) -> bool:
        """Start timestamps contradict there."""
        return overlaps(self._began_ms[i - 1], self._times_ms[i - 1], self._began_ms[i])

    def at(self, i: int) -> bool:
        """Between sample i - 1 and i."""
        return self.started(i) or was_reset(self._samples[i], self._samples[i - 1])
