"""How far off an interpolated latency may be: the events of the bucket that a threshold splits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from collector.model.matchers import Matcher
from slo.indicators.buckets import SeriesOf, concrete, histograms, neighbours, shares
from slo.objective import CounterTerm, Indicator

CountOf = Callable[[Sequence[Matcher]], float]
"""What the series that satisfy matchers have counted."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A threshold between two bounds: `events` of `total` lie there, `wrong` may be misjudged.

    `above` is inf where the threshold is over the highest bound: those events count as bad.
    """

    limit: float
    below: float
    above: float
    events: float
    wrong: float
    total: float

    @property
    def text(self) -> str:
        """What is doubted and how much, in events and percent."""
        ends = (
            f"{self.below:g} and {self.above:g}" if math.isfinite(self.below) else f"{self.above:g}"
        )
        share = f" ({self.wrong / self.total:.2%})" if self.total > 0 else ""
        return (
            f"{self.limit:g} lies between the bounds {ends}: {self.events:,.0f} of "
            f"{self.total:,.0f} events fell there, so up to {self.wrong:,.0f}{share} are judged "
            + ("as bad, though they may be good" if math.isinf(self.above) else "by interpolation")
        )

    @property
    def advice(self) -> str:
        """What the reader can do."""
        near = [f"{one:g}" for one in (self.below, self.above) if math.isfinite(one)]
        return f"add a bucket of {self.limit:g}, or ask at {' or '.join(near)}"


def doubt(indicator: Indicator, series_of: SeriesOf, count_of: CountOf) -> Doubt | None:
    """The doubt about an indicator's threshold; None where every histogram has that bound.

    Histograms of different bounds are judged by those that all of them have.
    """
    limited = [term for term in indicator.bad if term.under is not None]
    for term in limited:
        found = _of_term(term, indicator.total, series_of, count_of)
        if found is not None:
            return found
    return None


def _of_term(
    term: CounterTerm, total: Sequence[CounterTerm], series_of: SeriesOf, count_of: CountOf
) -> Doubt | None:
    assert term.under is not None  # noqa: S101 # the caller looked
    found = list(histograms(series_of(term.matchers)).values())
    if not found or all(term.under in one for one in found):
        return None
    common = set.intersection(*map(set, found))
    below, above = neighbours(common, term.under)
    inside = max(0.0, _up_to(above, term, series_of, count_of)) if common else 0.0
    inside -= _up_to(below, term, series_of, count_of) if math.isfinite(below) else 0.0
    share = shares(common, term.under).get(above, 0.0)
    whole = sum(one.coefficient * count_of(one.matchers) for one in total)
    return Doubt(term.under, below, above, inside, max(share, 1 - share) * inside, whole)


def _up_to(bound: float, term: CounterTerm, series_of: SeriesOf, count_of: CountOf) -> float:
    exact = Indicator("", (CounterTerm(1, term.matchers, bound),), (term,))
    return sum(one.coefficient * count_of(one.matchers) for one in concrete(exact, series_of).bad)
