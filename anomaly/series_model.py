"""What is ordinary for one series: its forest, its features' usual values, and three tails.

Two components judge a row: the forest (combinations of features that are odd together) and the
reach, the largest distance of a feature from its usual value, as a forest can't tell far outside
from just outside of what it saw. Each score becomes a tail probability; the mean of the two
surprises is calibrated once more, so the result is a tail probability on the training rows again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anomaly.calibration import fit_tail, surprise, tail_probabilities
from anomaly.detector import Arrays
from anomaly.detectors.isolation_forest import IsolationForest
from anomaly.features import (
    CONTEXT_TICKS,
    DAY_MS,
    FEATURES,
    IN_UNITS_OF_THE_SERIES,
    MIN_PAST,
    SPANS,
    STILL,
    TIME_OF_DAY,
    features_of,
)
from collector.model.errors import InputError
from collector.model.samples import Bools, Float64s, Int64s

MIN_POINTS = 40
"""Values that a series must have shown before it is judged."""
MIN_ROWS = MIN_POINTS - MIN_PAST
MAX_DISTANCE = 100.0
"""A series that was the same without exception moves at most this far."""
SMALLEST_MOVE_RATIO = 0.01
"""A feature's deviation counts as at least this share of the series' own size."""
STILL_DEVIATION = 1.0
SHORT_HISTORY = 4.0
"""A mean over a span that fits n times into the history is known by n values: it may deviate 4/n
more than they showed."""
MIN_SCALES = (0.02, 0.5, 0.25)
"""Least tail scale of forest score, reach (deviations) and mean surprise (powers of ten)."""


@dataclass(frozen=True, slots=True)
class SeriesModel:
    """`centre`, `deviation` float64[features]; `tails` float64[3, TAIL_SIZE]: forest, reach, both.

    `rows` is how many rows it learned from, `span_ms` how much time they cover.
    """

    forest: IsolationForest
    centre: Float64s
    deviation: Float64s
    tails: Float64s
    rows: int
    span_ms: int
    fitted_at_ms: int

    def to_arrays(self) -> Arrays:
        """Plain arrays that hold all of it."""
        return {
            **{f"forest_{name}": array for name, array in self.forest.to_arrays().items()},
            "centre": self.centre,
            "deviation": self.deviation,
            "tails": self.tails,
            "facts": np.array([self.rows, self.span_ms, self.fitted_at_ms], dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> SeriesModel:
        """The model that was written; raises InputError when the arrays are not one."""
        prefix = "forest_"
        forest = {
            name.removeprefix(prefix): array
            for name, array in arrays.items()
            if name.startswith(prefix)
        }
        try:
            rows, span_ms, fitted_at_ms = (int(fact) for fact in arrays["facts"])
            centre, deviation, tails = arrays["centre"], arrays["deviation"], arrays["tails"]
        except (KeyError, ValueError) as error:
            raise InputError(f"not the arrays of a model: {error}") from error
        judged = IsolationForest.from_arrays(forest)
        if len(centre) != len(FEATURES) or judged.features != len(FEATURES):
            raise InputError("the model was fitted on other features")
        return cls(judged, centre, deviation, tails, rows, span_ms, fitted_at_ms)


def fit_series(
    values: Float64s, timestamps_ms: Int64s, seed: int, now_ms: int
) -> SeriesModel | None:
    """Learn from a history (`values` float64[t] at equal steps); None when it is too short yet."""
    if len(values) < MIN_POINTS:
        return None
    every = np.arange(len(values), dtype=np.int64)
    features = features_of(values[None, :], timestamps_ms, every)
    ready = features.ready[0]
    rows = features.rows[0][ready]
    if len(rows) < MIN_ROWS:
        return None
    told = timestamps_ms[ready]
    span_ms = int(told[-1] - told[0])
    if span_ms < DAY_MS:
        # less than a day seen: an hour that was never seen would look odd for no fault of its own
        rows[:, TIME_OF_DAY] = 0.0
    forest = IsolationForest.fit(rows, seed)
    centre, deviation = usual_values(rows, values[np.isfinite(values)])
    tails = _fit_tails(forest.score(rows), reach_of(distances_of(rows, centre, deviation)))
    return SeriesModel(forest, centre, deviation, tails, len(rows), span_ms, now_ms)


def _fit_tails(forest: Float64s, reach: Float64s) -> Float64s:
    tails = [fit_tail(forest, MIN_SCALES[0]), fit_tail(reach, MIN_SCALES[1])]
    both = mean_surprise(tails[0], tails[1], forest, reach)
    return np.stack([*tails, fit_tail(both, MIN_SCALES[2])])


def usual_values(rows: Float64s, values: Float64s) -> tuple[Float64s, Float64s]:
    """Median of each feature, and its deviation: from the MAD, but never next to nothing."""
    centre = np.median(rows, axis=0)
    spread = 1.4826 * np.median(np.abs(rows - centre), axis=0)
    deviation = np.maximum(spread, 0.3 * rows.std(axis=0))
    size = float(np.median(np.abs(values))) or float(np.abs(values).max())
    floor = np.full(len(centre), 1e-300)
    floor[:IN_UNITS_OF_THE_SERIES] = max(SMALLEST_MOVE_RATIO * size, 1e-300)
    floor[STILL] = STILL_DEVIATION
    deviation = np.maximum(deviation, floor)
    deviation[: len(SPANS)] *= 1 + SHORT_HISTORY * np.array(SPANS) / len(rows)
    for longer in range(1, len(SPANS)):
        if not rows[:, longer].any():
            # the history was too short to know this span: a shorter one moves no less
            deviation[longer] = deviation[longer - 1]
    return centre, deviation


def distances_of(rows: Float64s, centre: Float64s, deviation: Float64s) -> Float64s:
    """How far each feature is from its usual value, in deviations, signed, within ±100."""
    with np.errstate(over="ignore"):
        distances = (rows - centre) / deviation
    distances[..., TIME_OF_DAY] = 0.0
    # only longer than usual is odd: when a still series moves, the other features say how far
    distances[..., STILL] = np.maximum(distances[..., STILL], 0.0)
    return np.clip(distances, -MAX_DISTANCE, MAX_DISTANCE)


def reach_of(distances: Float64s) -> Float64s:
    """The largest distance of a row (last axis)."""
    return np.asarray(np.abs(distances).max(axis=-1))


def mean_surprise(
    forest_tails: Float64s, reach_tails: Float64s, forest: Float64s, reach: Float64s
) -> Float64s:
    """Mean of the surprises of both components."""
    first = surprise(tail_probabilities(forest_tails, forest))
    second = surprise(tail_probabilities(reach_tails, reach))
    return (first + second) / 2


@dataclass(frozen=True, slots=True)
class Judged:
    """`probability` float64[n] of a row at least as odd; `distances` float64[n, features]."""

    probability: Float64s
    distances: Float64s


class ModelBank:
    """Models of many series side by side: one call judges a row for each."""

    def __init__(self) -> None:
        self._forests = IsolationForest.new_bank()
        self._models: list[SeriesModel] = []
        self._stacked: tuple[Float64s, Float64s, Float64s] | None = None

    def put(self, slot: int, model: SeriesModel) -> None:
        """Keep a model at `slot`: the next free one (0, 1, 2, …), or one that is taken already."""
        self._forests.put(slot, model.forest)
        self._models[slot : slot + 1] = [model]
        self._stacked = None

    def judge(self, slots: Int64s, rows: Float64s) -> Judged:
        """`rows[i]` (float64[n, features]) under the model at `slots[i]`."""
        centre, deviation, tails = (stack[slots] for stack in self._stack())
        distances = distances_of(rows, centre, deviation)
        forest = self._forests.score(slots, rows)
        both = mean_surprise(tails[:, 0], tails[:, 1], forest, reach_of(distances))
        return Judged(tail_probabilities(tails[:, 2], both), distances)

    def _stack(self) -> tuple[Float64s, Float64s, Float64s]:
        if self._stacked is None:
            self._stacked = (
                np.stack([model.centre for model in self._models]),
                np.stack([model.deviation for model in self._models]),
                np.stack([model.tails for model in self._models]),
            )
        return self._stacked


def judge_last(
    bank: ModelBank, slots: Int64s, values: Float64s, timestamps_ms: Int64s
) -> tuple[Judged, Bools]:
    """Judge the newest tick of each series (`values` float64[n, t]); and which could be judged."""
    recent, times = values[:, -CONTEXT_TICKS:], timestamps_ms[-CONTEXT_TICKS:]
    features = features_of(recent, times, np.array([len(times) - 1], dtype=np.int64))
    return bank.judge(slots, features.rows[:, 0]), features.ready[:, 0]
