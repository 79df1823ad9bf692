"""`History`: one objective's events, budget and burn rates over time, out of the ledger's rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.errors import LimitError
from collector.model.samples import Float64s, Int64s
from slo.budget import burn_rates
from slo.objective import Objective
from slo.window import window_text

MAX_POINTS = 11_000
"""As many as Prometheus gives one series of a range query."""

Cumulative = Callable[[Int64s], tuple[Float64s, Float64s]]


@dataclass(frozen=True, slots=True)
class History:
    """Parallel arrays, one point a step: `times_ms` int64[t] are the steps' ends.

    `good`, `bad`, `total`: events of each step; `budget_left_ratio`: of the budget window of that
    time; `burn_rates`: by window text, over the window that ends there.
    """

    times_ms: Int64s
    good: Float64s
    bad: Float64s
    total: Float64s
    budget_left_ratio: Float64s
    burn_rates: Mapping[str, Float64s]


def history_of(
    objective: Objective,
    windows_ms: Sequence[int],
    cumulative: Cumulative,
    start_ms: int,
    end_ms: int,
    step_ms: int,
) -> History:
    """Points at start + step, … up to `end_ms`. Raises LimitError past MAX_POINTS of them."""
    if step_ms <= 0 or (end_ms - start_ms) / step_ms > MAX_POINTS:
        raise LimitError(
            f"over {MAX_POINTS:,} points: {end_ms - start_ms} ms in steps of {step_ms} ms",
            advice="ask for a longer step or a shorter range",
        )
    edges = np.arange(start_ms, end_ms + 1, step_ms, dtype=np.int64)
    bad, total = cumulative(edges)
    times = edges[1:]

    def rate(window_ms: Int64s | np.int64) -> Float64s:
        before_bad, before_total = cumulative(times - window_ms)
        return _rates(objective, bad[1:] - before_bad, total[1:] - before_total)

    starts = [objective.window.start_ms(time_ms) for time_ms in times.tolist()]
    spent = rate(times - np.array(starts, np.int64))
    step_bad, step_total = np.diff(bad), np.diff(total)
    return History(
        times_ms=times,
        good=step_total - step_bad,
        bad=step_bad,
        total=step_total,
        budget_left_ratio=1.0 - spent,
        burn_rates={
            **{window_text(ms): rate(np.int64(ms)) for ms in windows_ms},
            objective.window.text: spent,
        },
    )


def _rates(objective: Objective, bad: Float64s, total: Float64s) -> Float64s:
    numerators = np.full(len(bad), float(objective.allowed.numerator))
    denominators = np.full(len(bad), float(objective.allowed.denominator))
    return burn_rates(np.clip(bad, 0.0, np.maximum(total, 0.0)), total, numerators, denominators)
