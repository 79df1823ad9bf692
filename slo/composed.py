"""What slices of time were to a composite, given what its parts counted in each: pure arithmetic.

Arrays are float64[parts, slices]. A part without events in a slice is left out of it, or is good or
bad throughout, as the specification says; a slice in which no part is left counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from collector.model.samples import Bools, Float64s
from slo.composite import Combination, CompositeIndicator


@dataclass(frozen=True, slots=True)
class Composed:
    """Bad and total of each slice (float64[s]); `blame` float64[p, s] is each part's of the bad.

    `is_seen` bool[s]: some part had events. The parts of a slice's bad add up to it: equal where
    several failed, by weight where weighed, and of a journey those that failed at that step.
    """

    bad: Float64s
    total: Float64s
    blame: Float64s
    is_seen: Bools


@dataclass(frozen=True, slots=True)
class _Seen:
    """`share` float64[p, s]: of the bad events; `failed`, `there`: bool[p, s]; others: [s]."""

    share: Float64s
    failed: Bools
    there: Bools
    busiest: Float64s
    is_seen: Bools
    weights: Float64s


def composed(indicator: CompositeIndicator, bad: Float64s, total: Float64s) -> Composed:
    """The slices of a composite."""
    return _COMBINE[indicator.kind](_seen(indicator, bad, total))


def _seen(indicator: CompositeIndicator, bad: Float64s, total: Float64s) -> _Seen:
    there = np.asarray(total > 0)
    is_seen = np.asarray(there.any(axis=0))
    failed_events = np.clip(bad, 0.0, total)
    share = np.divide(failed_events, total, out=np.zeros_like(total), where=there)
    own = indicator.slices.target
    targets = [one.target if own is None else own for one in indicator.parts]
    numerators = np.array([[float(one.numerator)] for one in targets])
    denominators = np.array([[float(one.denominator)] for one in targets])
    failed = there & ((total - failed_events) * denominators < total * numerators)
    if indicator.slices.empty != "ignore":
        is_bad = indicator.slices.empty == "bad"
        share = np.where(there, share, float(is_bad))
        failed = np.where(there, failed, is_bad)
        there = np.ones_like(there)
    busiest = np.maximum(total.max(axis=0), there.any(axis=0))
    weights = np.array([[float(one)] for one in indicator.weights])
    return _Seen(share, np.asarray(failed, np.bool_), there, busiest, is_seen, weights)


def _all_of(seen: _Seen) -> Composed:
    return _judged(seen, np.asarray(seen.failed.any(axis=0)))


def _any_of(seen: _Seen) -> Composed:
    return _judged(seen, np.asarray((seen.failed | ~seen.there).all(axis=0)))


def _judged(seen: _Seen, is_bad: Bools) -> Composed:
    total = np.asarray(seen.there.any(axis=0), np.float64)
    bad = np.asarray(np.where(is_bad, total, 0.0))
    guilty = seen.failed & (bad > 0)
    blame = guilty / np.maximum(guilty.sum(axis=0), 1)
    return Composed(bad, total, np.asarray(blame, np.float64), seen.is_seen)


def _weighted(seen: _Seen) -> Composed:
    weights = np.where(seen.there, seen.weights, 0.0)
    whole = np.asarray(weights.sum(axis=0))
    blame = weights * seen.share / np.where(whole > 0, whole, 1.0)
    bad = np.zeros_like(whole)
    np.divide((weights * seen.share).sum(axis=0), whole, out=bad, where=whole > 0)
    return Composed(bad, (whole > 0).astype(np.float64), blame, seen.is_seen)


def _journey(seen: _Seen) -> Composed:
    passed = np.where(seen.there, 1.0 - seen.share, 1.0)
    through = np.cumprod(passed, axis=0)
    reached = np.vstack([np.ones((1, through.shape[1])), through[:-1]])
    total = np.where(seen.there.any(axis=0), seen.busiest, 0.0)
    blame = total * reached * (1.0 - passed)
    return Composed(total * (1.0 - through[-1]), total, blame, seen.is_seen)


_COMBINE: dict[Combination, Callable[[_Seen], Composed]] = {
    "all_of": _all_of,
    "any_of": _any_of,
    "weighted": _weighted,
    "journey": _journey,
}
