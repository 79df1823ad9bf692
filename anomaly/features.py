"""A series' values to features that say how it departs from its own recent past. Pure numpy.

Every feature of a tick looks at that tick and at those before it, never ahead:

    level_1, level_5, level_15, level_60   mean of the last 1, 5, 15, 60 ticks
                                           minus the mean of the 60 ticks before those
    change                                 value minus the value one tick earlier
    spread                                 standard deviation of the last 15 ticks
    still                                  ticks in a row without any change, at most 15
    hour_sin, hour_cos                     time of day (UTC) on the unit circle

A missing value (NaN of any payload, or infinite) takes part in no mean. A feature whose windows
hold too few values is 0, "no departure known"; a tick without a value, or with fewer than 15 values
in the 60 ticks before it, is not `ready`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from collector.model.samples import Bools, Float64s, Int64s

SPANS = (1, 5, 15, 60)
PAST = 60
SPREAD_SPAN = 15
MIN_PAST = 15
"""Values needed in the recent past: fewer say nothing about what is ordinary."""
STILL_CAP = MIN_PAST
"""Reached before a row is ready: a series that never moves looks alike in training and later."""
CONTEXT_TICKS = max(SPANS) + PAST + 1
"""Ticks that the features of one tick may depend on, itself included."""
ROUNDING = 1e-10
"""Departures under this share of the largest are rounding: a forest would split on them."""
DAY_MS = 24 * 3600 * 1000

FEATURES = (
    *(f"level_{span}" for span in SPANS),
    "change",
    "spread",
    "still",
    "hour_sin",
    "hour_cos",
)
"""Names of the last axis."""
STILL = FEATURES.index("still")
IN_UNITS_OF_THE_SERIES = STILL
"""The features before this index have the unit of the series itself."""
TIME_OF_DAY = slice(FEATURES.index("hour_sin"), len(FEATURES))
"""The features that say when, not how far: they have no distance from the usual."""


@dataclass(frozen=True, slots=True)
class Features:
    """`rows` float64[n, k, features], finite; `ready` bool[n, k]: whether a row may be judged."""

    rows: Float64s
    ready: Bools


def features_of(values: Float64s, timestamps_ms: Int64s, columns: Int64s) -> Features:
    """Features of n series at the ticks `columns` (int64[k], indices into the t ticks).

    `values` float64[n, t] at equal steps, `timestamps_ms` int64[t].
    """
    present = np.isfinite(values)
    known = np.where(present, values, 0.0)
    # around the first value, so that running sums of large values keep their digits
    first = np.take_along_axis(known, present.argmax(axis=1)[:, None], axis=1)
    centred = np.where(present, known - first, 0.0)
    sums = _Sums(centred, present, columns)
    rows = np.zeros((len(values), len(columns), len(FEATURES)))
    for position, span in enumerate(SPANS):
        rows[:, :, position] = sums.level(span)
    rows[:, :, len(SPANS)] = _change(centred, present, columns)
    rows[:, :, len(SPANS) + 1] = sums.spread()
    rows[np.abs(rows) < ROUNDING * np.abs(centred).max(axis=1)[:, None, None]] = 0.0
    rows[:, :, STILL] = _still(values, present, columns)
    angle = 2 * np.pi * (timestamps_ms[columns] % DAY_MS) / DAY_MS
    rows[:, :, TIME_OF_DAY] = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    return Features(rows, present[:, columns] & (sums.past_count(1) >= MIN_PAST))


class _Sums:
    """Sums over windows that end at, or some ticks before, the columns: two look-ups each."""

    def __init__(self, centred: Float64s, present: Bools, columns: Int64s) -> None:
        self._ends = columns + 1
        self._count = _running(present.astype(np.float64))
        self._sum = _running(centred)
        self._square = _running(centred * centred)

    def level(self, span: int) -> Float64s:
        recent, recent_count = self._mean(0, span)
        past, past_count = self._mean(span, PAST)
        known = (recent_count * 2 >= span) & (past_count >= MIN_PAST)
        return np.where(known, recent - past, 0.0)

    def past_count(self, back: int) -> Float64s:
        return self._window(self._count, back, PAST)

    def spread(self) -> Float64s:
        mean, count = self._mean(0, SPREAD_SPAN)
        mean_square = self._window(self._square, 0, SPREAD_SPAN) / np.maximum(count, 1)
        variance = mean_square - mean * mean
        rounding = 1e-12 * np.maximum(mean_square, 1e-300)
        return np.where((variance > rounding) & (count >= 3), np.sqrt(np.abs(variance)), 0.0)

    def _mean(self, back: int, span: int) -> tuple[Float64s, Float64s]:
        count = self._window(self._count, back, span)
        return self._window(self._sum, back, span) / np.maximum(count, 1), count

    def _window(self, running: Float64s, back: int, span: int) -> Float64s:
        end = np.maximum(self._ends - back, 0)
        start = np.maximum(end - span, 0)
        return running[:, end] - running[:, start]


def _running(values: Float64s) -> Float64s:
    out = np.zeros((values.shape[0], values.shape[1] + 1))
    np.cumsum(values, axis=1, out=out[:, 1:])
    return out


def _change(centred: Float64s, present: Bools, columns: Int64s) -> Float64s:
    before = np.maximum(columns - 1, 0)
    known = present[:, columns] & present[:, before]
    return np.where(known, centred[:, columns] - centred[:, before], 0.0)


def _still(values: Float64s, present: Bools, columns: Int64s) -> Float64s:
    moved = np.ones(values.shape, dtype=bool)
    same = values[:, 1:] == values[:, :-1]
    moved[:, 1:] = ~(same & present[:, 1:])
    ticks = np.arange(values.shape[1])
    last_move = np.maximum.accumulate(np.where(moved, ticks, 0), axis=1)
    return np.minimum(ticks[columns] - last_move[:, columns], STILL_CAP).astype(np.float64)
