"""Services with few requests, by the year: how often a policy pages although nothing is wrong.

Requests and failures come by chance (Poisson), at a true error rate of half the budget. A policy is
asked at the steps at which something failed and regularly in between: only an error can begin a
page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Counts = Callable[[float], tuple[Floats, Floats]]
"""Bad and total events (float64[seeds]) of the window of so many seconds that ends now."""

STEP_SECONDS = 30
DAY_STEPS = 86_400 // STEP_SECONDS
LOOK_EVERY = 20
ALLOWED = 0.001


@dataclass(frozen=True)
class Stream:
    """Cumulative events of some seeds (axis 1) by step (axis 0)."""

    bad: NDArray[np.int32]
    total: NDArray[np.int32]

    def at(self, step: int) -> Counts:
        """The windows that end at a step."""

        def counts(window_seconds: float) -> tuple[Floats, Floats]:
            start = max(0, step - round(window_seconds / STEP_SECONDS))
            bad = (self.bad[step] - self.bad[start]).astype(float)
            return bad, (self.total[step] - self.total[start]).astype(float)

        return counts

    def steps(self) -> Iterator[int]:
        """Those at which a policy is asked."""
        failed = np.diff(self.bad, axis=0, prepend=0).any(axis=1)
        failed[::LOOK_EVERY] = True
        yield from np.flatnonzero(failed).tolist()


def quiet(rate: float, days: float, seeds: int, seed: int, burn: float = 0.5) -> Stream:
    """`rate` requests a second, errors at `burn` times what the objective allows."""
    random = np.random.default_rng((seed, round(rate * 1e6)))
    shape = (round(days * DAY_STEPS), seeds)
    good = random.poisson(rate * STEP_SECONDS * (1 - burn * ALLOWED), shape)
    bad = random.poisson(rate * STEP_SECONDS * burn * ALLOWED, shape)
    return Stream(
        np.cumsum(bad, axis=0, dtype=np.int32), np.cumsum(good + bad, axis=0, dtype=np.int32)
    )


def outage(rate: float, hours_before: float, seeds: int, seed: int, errors: float = 1.0) -> Stream:
    """A service without errors, whose requests then fail at a ratio of `errors` for four hours."""
    random = np.random.default_rng((seed, round(rate * 1e6), 1))
    steps = round((hours_before + 4) * 3600 / STEP_SECONDS)
    total = random.poisson(rate * STEP_SECONDS, (steps, seeds))
    bad = random.binomial(total, errors)
    bad[: round(hours_before * 3600 / STEP_SECONDS)] = 0
    return Stream(np.cumsum(bad, axis=0, dtype=np.int32), np.cumsum(total, axis=0, dtype=np.int32))


def episodes(stream: Stream, pages: Callable[[int, Counts], Bools]) -> NDArray[np.int64]:
    """How many pages each seed gets."""
    count = np.zeros(stream.bad.shape[1], np.int64)
    before = np.zeros(len(count), np.bool_)
    for step in stream.steps():
        now = pages(step, stream.at(step))
        count += now & ~before
        before = now
    return count


def detection_seconds(
    stream: Stream, start_hours: float, pages: Callable[[int, Counts], Bools]
) -> Floats:
    """From the outage's beginning to the page, by seed; NaN without one."""
    start = round(start_hours * 3600 / STEP_SECONDS)
    found = np.full(stream.bad.shape[1], np.nan)
    for step in range(start, len(stream.bad)):
        now = pages(step, stream.at(step))
        found[now & np.isnan(found)] = (step - start + 1) * STEP_SECONDS
    return found
