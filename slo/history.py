"""`History`: one objective's events, budget and burn rates over time, out of the ledger's rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.errors import LimitError
from collector.model.samples import Float64s, Int64s
from slo.budget import burn_rates
from slo.revisions import Revision, cumulative_of
from slo.window import window_text

MAX_POINTS = 11_000
"""As many as Prometheus gives one series of a range query."""

Cumulative = Callable[[Int64s], tuple[Float64s, Float64s]]


@dataclass(frozen=True, slots=True)
class History:
    """Parallel arrays, one point a step: `times_ms` int64[t] are the steps' ends.

    `good`, `bad`, `total`: events of each step; `budget_left_ratio`: of the budget window of that
    time; `burn_rates`: by window text, over the window that ends there; `revisions` int64[t]: the
    number of the revision that each step was judged by.
    """

    times_ms: Int64s
    good: Float64s
    bad: Float64s
    total: Float64s
    budget_left_ratio: Float64s
    burn_rates: Mapping[str, Float64s]
    revisions: Int64s


def history_of(
    revisions: Sequence[Revision],
    windows_ms: Sequence[int],
    cumulative: Cumulative,
    start_ms: int,
    end_ms: int,
    step_ms: int,
) -> History:
    """Points at start + step, … up to `end_ms`, each as the revision of its time judges it.

    `revisions`, the oldest first, are one at least; `cumulative` is what the ledger has. Raises
    LimitError past MAX_POINTS points.
    """
    if step_ms <= 0 or (end_ms - start_ms) / step_ms > MAX_POINTS:
        raise LimitError(
            f"over {MAX_POINTS:,} points: {end_ms - start_ms} ms in steps of {step_ms} ms",
            advice="ask for a longer step or a shorter range",
        )
    times = np.arange(start_ms, end_ms + 1, step_ms, dtype=np.int64)[1:]
    begins = np.array([one.from_ms for one in revisions[1:]], np.int64)
    places = np.searchsorted(begins, times, side="left")
    parts = [
        _judged(one, windows_ms, cumulative, times[places == place], step_ms)
        for place, one in enumerate(revisions)
    ]
    names = [*map(window_text, windows_ms), revisions[-1].window.text]
    return History(
        times_ms=times,
        good=np.concatenate([one.good for one in parts]),
        bad=np.concatenate([one.bad for one in parts]),
        total=np.concatenate([one.total for one in parts]),
        budget_left_ratio=np.concatenate([one.budget_left_ratio for one in parts]),
        burn_rates={
            name: np.concatenate([list(one.burn_rates.values())[place] for one in parts])
            for place, name in enumerate(names)
        },
        revisions=np.concatenate([one.revisions for one in parts]),
    )


def _judged(
    revision: Revision,
    windows_ms: Sequence[int],
    live: Cumulative,
    times: Int64s,
    step_ms: int,
) -> History:
    """Some steps by one revision; the budget's own window comes last among the burn rates."""
    cumulative = cumulative_of(revision, live)
    bad, total = cumulative(times)

    def rate(window_ms: Int64s | np.int64) -> Float64s:
        before_bad, before_total = cumulative(times - window_ms)
        return _rates(revision, bad - before_bad, total - before_total)

    starts = [revision.window.start_ms(time_ms) for time_ms in times.tolist()]
    spent = rate(times - np.array(starts, np.int64))
    former_bad, former_total = cumulative(times - step_ms)
    step_bad, step_total = bad - former_bad, total - former_total
    rates = {str(place): rate(np.int64(ms)) for place, ms in enumerate(windows_ms)}
    return History(
        times_ms=times,
        good=step_total - step_bad,
        bad=step_bad,
        total=step_total,
        budget_left_ratio=1.0 - spent,
        burn_rates={**rates, "budget": spent},
        revisions=np.full(len(times), revision.number, np.int64),
    )


def _rates(revision: Revision, bad: Float64s, total: Float64s) -> Float64s:
    allowed = 1 - revision.target
    numerators = np.full(len(bad), float(allowed.numerator))
    denominators = np.full(len(bad), float(allowed.denominator))
    return burn_rates(np.clip(bad, 0.0, np.maximum(total, 0.0)), total, numerators, denominators)
