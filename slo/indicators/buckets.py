"""Events of a classic histogram up to any threshold, from the counters of its buckets.

A bucket counts the events up to its bound `le`. Between two bounds events are taken to be spread
evenly, as `histogram_quantile` takes them, so that the count up to a threshold is a sum of its two
neighbours: a sum of counters, like any other indicator. Above the highest finite bound nothing is
known, so those events count as over the threshold. Which bounds a histogram has only its series
show, so the shares are made when those are found, for each histogram by its own bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from collector.model.labels import Labels
from collector.model.matchers import Matcher
from slo.objective import CounterTerm, Indicator

BOUND = "le"
Selector = tuple[Matcher, ...]
SeriesOf = Callable[[Sequence[Matcher]], Sequence[Labels]]
"""The label sets of the series that satisfy matchers."""
HistogramKey = tuple[tuple[str, str], ...]


def shares(bounds: Collection[float], limit: float) -> Mapping[float, float]:
    """Which share of which bucket's count is up to `limit`: bound -> share; {} where none is."""
    if limit in bounds:
        return {limit: 1.0}
    below, above = neighbours(bounds, limit)
    if not math.isfinite(above):
        return {below: 1.0} if math.isfinite(below) else {}
    if not math.isfinite(below):  # a lowest bucket over zero begins there
        return {above: limit / above} if above > 0 and limit > 0 else {}
    share = (limit - below) / (above - below)
    return {below: 1.0 - share, above: share}


def neighbours(bounds: Collection[float], limit: float) -> tuple[float, float]:
    """The bounds next to `limit`, -inf and inf where there is none."""
    below = max((one for one in bounds if one < limit), default=-math.inf)
    return below, min((one for one in bounds if one > limit), default=math.inf)


def bound_of(labels: Labels) -> float | None:
    """The bound of a bucket's series; None for what is no bucket."""
    try:
        return float(labels.get(BOUND, ""))
    except ValueError:
        return None


def key_of(labels: Labels) -> HistogramKey:
    """What the buckets of one histogram share."""
    return tuple(pair for pair in labels.pairs if pair[0] != BOUND)


def histograms(series: Sequence[Labels]) -> dict[HistogramKey, dict[float, str]]:
    """The bounds of each histogram among some series, with their spelling."""
    found: dict[HistogramKey, dict[float, str]] = {}
    for labels in series:
        bound = bound_of(labels)
        if bound is not None:
            found.setdefault(key_of(labels), {})[bound] = labels.get(BOUND, "")
    return found


def concrete(indicator: Indicator, series_of: SeriesOf) -> Indicator:
    """The indicator with buckets that are there in place of thresholds.

    Histograms of one selector with other bounds than most have are counted by the bounds that all
    of them have. A threshold of which there are no series stays as it is.
    """
    sides = (
        tuple(one for term in side for one in _concrete(term, series_of))
        for side in (indicator.bad, indicator.total)
    )
    bad, total = sides
    return replace(indicator, bad=bad, total=total)


def _concrete(term: CounterTerm, series_of: SeriesOf) -> list[CounterTerm]:
    if term.under is None:
        return [term]
    found = list(histograms(series_of(term.matchers)).values())
    common = set.intersection(*map(set, found)) if found else set()
    if not common:
        return [term]
    spelled = {bound: {one[bound] for one in found} for bound in common}
    return [
        CounterTerm(term.coefficient * share, (*term.matchers, _bucket(spelled[bound])))
        for bound, share in shares(common, term.under).items()
    ]


def _bucket(spellings: set[str]) -> Matcher:
    if len(spellings) == 1:
        return Matcher("=", BOUND, next(iter(spellings)))
    escaped = (one.replace(".", r"\.").replace("+", r"\+") for one in sorted(spellings))
    return Matcher("=~", BOUND, "|".join(escaped))


@dataclass(slots=True)
class _Histogram:
    """One histogram under one selector: its buckets by bound, and the shares that they have now."""

    buckets: dict[float, tuple[int, Labels]]
    given: dict[tuple[int, float, float], Mapping[float, float]]


Limit = tuple[int, float, float]
"""Slot, coefficient and threshold of one use of a selector."""
Change = tuple[int, Labels, int, float]
"""Ref and labels of a series, and what is added to its coefficient in a slot."""


class BucketShares:
    """The shares of all histograms whose series were seen; `changes` tells them piece by piece."""

    def __init__(self, limits: Mapping[Selector, Sequence[Limit]]) -> None:
        self._limits = limits
        self._histograms: dict[tuple[Selector, HistogramKey], _Histogram] = {}
        self._touched: dict[tuple[Selector, HistogramKey], None] = {}

    def see(self, ref: int, labels: Labels, selectors: Sequence[Selector]) -> bool:
        """Note a series; whether it is a bucket under a threshold."""
        if not self._limits:
            return False
        bound = bound_of(labels)
        wanted = [one for one in selectors if one in self._limits]
        if bound is None or not wanted:
            return False
        for selector in wanted:
            key = selector, key_of(labels)
            one = self._histograms.setdefault(key, _Histogram({}, {}))
            one.buckets[bound] = ref, labels
            self._touched[key] = None
        return True

    def changes(self) -> list[Change]:
        """What to add to coefficients since the last call; a bucket without a share has none."""
        found: list[Change] = []
        for selector, key in self._touched:
            one = self._histograms[selector, key]
            for limit in self._limits[selector]:
                found += _changes(one, limit)
        self._touched.clear()
        return found


def _changes(one: _Histogram, limit: Limit) -> list[Change]:
    slot, coefficient, threshold = limit
    before, now = one.given.get(limit, {}), shares(one.buckets, threshold)
    one.given[limit] = now
    return [
        (*one.buckets[bound], slot, coefficient * (now.get(bound, 0.0) - before.get(bound, 0.0)))
        for bound in sorted({*before, *now})
        if now.get(bound, 0.0) != before.get(bound, 0.0)
    ]
