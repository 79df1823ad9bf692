"""A thousand incidents with fixed seeds, and what alerting policies make of them.

Each incident is one column: traffic at a constant rate, a base error ratio before and after, and a
higher one during it. Counts are whole events at exact times, without chance, so that a policy meets
its own arithmetic and nothing else. The corpus and the definition of an incident that must page
were written before any policy was tuned on them; `HOLD_OUT` seeds were never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

STEP_SECONDS = 30
DAY_SECONDS = 86_400
HISTORY_SECONDS = 4 * DAY_SECONDS
LONGEST_SECONDS = 2 * DAY_SECONDS
AFTER_SECONDS = 3 * 3600
BUDGET_DAYS = 30
ALLOWED = 0.001
MUST_PAGE_BURN = 6.0
MUST_PAGE_SHARE = 0.02
SEED, HOLD_OUT = 20261121, 20261122


@dataclass(frozen=True)
class Corpus:
    """Columns of incidents, all beginning at second 0 after HISTORY_SECONDS of base errors."""

    rate: Floats
    base_burn: Floats
    burn: Floats
    seconds: Floats

    @property
    def must_page(self) -> Bools:
        """Burn and share of the month's budget are such that somebody must get up."""
        share = self.burn * self.seconds / (BUDGET_DAYS * DAY_SECONDS)
        return (self.burn >= MUST_PAGE_BURN) & (share >= MUST_PAGE_SHARE)

    def total(self, at: float) -> Floats:
        """Events from the beginning of history to second `at` of the incident."""
        return np.floor(self.rate * (HISTORY_SECONDS + at))

    def bad(self, at: float) -> Floats:
        """Bad events likewise."""
        inside = np.clip(at, 0, self.seconds)
        base = (HISTORY_SECONDS + at - inside) * self.base_burn
        return np.floor(self.rate * ALLOWED * (base + inside * self.burn))

    def counts(self, window_seconds: float, at: float) -> tuple[Floats, Floats]:
        """Bad and total events of the window that ends at `at`."""
        start = max(at - window_seconds, -float(HISTORY_SECONDS))
        total = self.total(at) - self.total(start)
        return np.minimum(self.bad(at) - self.bad(start), total), total


def corpus(count: int, seed: int) -> Corpus:
    """`count` incidents: burn 1 to 1000, a minute to two days, 3 to 1000 requests a second."""
    random = np.random.default_rng(seed)
    return Corpus(
        rate=np.exp(random.uniform(np.log(3), np.log(1000), count)),
        base_burn=random.uniform(0, 0.5, count),
        burn=np.exp(random.uniform(0, np.log(1000), count)),
        seconds=np.exp(random.uniform(np.log(60), np.log(LONGEST_SECONDS), count)),
    )


Rates = Callable[[float], Floats]
"""Burn rates of a window of so many seconds."""
Policy = Callable[[Rates, Bools, float], Bools]
"""(burn rates, what paged before, now) -> what pages."""


@dataclass(frozen=True)
class Outcome:
    """What a policy did with each incident; seconds are NaN where there was no page."""

    detection_seconds: Floats
    episodes: NDArray[np.int64]
    resolved_after_seconds: Floats

    def summary(self, of: Corpus) -> dict[str, float]:
        """The figures of a row of the table."""
        paged, must = self.episodes > 0, of.must_page
        short = paged & (of.seconds <= 6 * 3600)
        return {
            "must_page": float(must.sum()),
            "recall_ratio": float((paged & must).sum() / must.sum()),
            "outside": float((paged & ~must).sum()),
            "paged_twice_ratio": float((self.episodes > 1).sum() / paged.sum()),
            "detection_median_seconds": float(np.median(self.detection_seconds[paged & must])),
            "detection_p90_seconds": float(np.quantile(self.detection_seconds[paged & must], 0.9)),
            "resolved_max_seconds": float(np.max(self.resolved_after_seconds[short], initial=0)),
        }


def steps() -> Iterator[float]:
    """The seconds at which a policy is asked."""
    yield from np.arange(0, LONGEST_SECONDS + AFTER_SECONDS, STEP_SECONDS, dtype=float)


def run(of: Corpus, pages_at: Callable[[float], Bools]) -> Outcome:
    """Ask `pages_at` at every step, and note what begins and ends."""
    count = len(of.rate)
    detection, ended = np.full(count, np.nan), np.full(count, np.nan)
    episodes, before = np.zeros(count, np.int64), np.zeros(count, np.bool_)
    for at in steps():
        now = pages_at(at)
        begins, ends = now & ~before, before & ~now
        episodes += begins
        detection[begins & np.isnan(detection)] = at
        ended[ends & (at >= of.seconds)] = at
        before = now
    return Outcome(detection, episodes, ended - of.seconds)


def burn_rates(of: Corpus, at: float) -> Rates:
    """The windows' burn rates at a time, remembered while it lasts."""
    known: dict[float, Floats] = {}

    def rate(window_seconds: float) -> Floats:
        if window_seconds not in known:
            bad, total = of.counts(window_seconds, at)
            known[window_seconds] = np.divide(
                bad, total * ALLOWED, out=np.zeros_like(bad), where=total > 0
            )
        return known[window_seconds]

    return rate


HOUR = 3600.0
WORKBOOK = ((HOUR, 300.0, 14.4, 0.0), (6 * HOUR, 1800.0, 6.0, 0.0))
"""Page pairs of the workbook, as Sloth has them: long, short, factor, `for` seconds."""
PYRRA = ((HOUR, 300.0, 14.0, 120.0), (6 * HOUR, 1800.0, 7.0, 900.0))


class Thresholds:
    """A policy of plain pairs with Prometheus's `for`."""

    def __init__(self, of: Corpus, pairs: tuple[tuple[float, float, float, float], ...]) -> None:
        self._corpus, self._pairs = of, pairs
        self._since = [np.full(len(of.rate), np.nan) for _ in pairs]

    def __call__(self, at: float) -> Bools:
        rate = burn_rates(self._corpus, at)
        firing = np.zeros(len(self._corpus.rate), np.bool_)
        for since, (long, short, factor, hold) in zip(self._since, self._pairs, strict=True):
            over = (rate(long) > factor) & (rate(short) > factor)
            since[over & np.isnan(since)] = at
            since[~over] = np.nan
            firing |= over & (at - since >= hold)
        return firing
