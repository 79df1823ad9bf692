"""Bad and total events of a window against a target -> how much of the error budget is left.

Counts and the target's numerator and denominator are multiplied first and divided once, last: whole
counts below 2^53 give the correctly rounded ratio. No traffic leaves a budget whole and a burn rate
at zero; nothing here is ever NaN. The same formulas serve one objective and an array of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from collector.model.samples import Float64s


@dataclass(frozen=True, slots=True)
class Budget:
    """The error budget of one window; counts are events."""

    target: Fraction
    bad: float
    total: float

    @property
    def good(self) -> float:
        """Events that were good."""
        return self.total - self.bad

    @property
    def sli_ratio(self) -> float:
        """Good by total; 1 without traffic."""
        return self.good / self.total if self.total else 1.0

    @property
    def allowed_events(self) -> float:
        """Bad events that the traffic of the window allows."""
        numerator, denominator = self._allowed
        return _or(self.total * numerator / denominator, self.total * (numerator / denominator))

    @property
    def left_events(self) -> float:
        """Bad events that may still happen; negative when overspent."""
        numerator, denominator = self._allowed
        left = (self.total * numerator - self.bad * denominator) / denominator
        return _or(left, self.allowed_events - self.bad)

    @property
    def left_ratio(self) -> float:
        """What is left of the budget: 1 untouched, 0 spent, negative when overspent."""
        return 1.0 - self.spent_ratio

    @property
    def spent_ratio(self) -> float:
        """What is spent of the budget."""
        numerator, denominator = self._allowed
        return _burn_rate(self.bad, self.total, numerator, denominator)

    @property
    def _allowed(self) -> tuple[int, int]:
        """1 - target in lowest terms, as the target is."""
        return self.target.denominator - self.target.numerator, self.target.denominator

    @property
    def is_exhausted(self) -> bool:
        """Whether nothing is left."""
        return self.left_ratio <= 0


@dataclass(frozen=True, slots=True)
class PeriodEstimate:
    """What will be left at the end of a calendar period if nothing more goes wrong: an estimate.

    `expected_total`: events that the whole period will have had, at the traffic of late.
    """

    budget: Budget
    expected_total: float
    ends_at_ms: int

    @property
    def left_events(self) -> float:
        """Bad events that the whole period's traffic still allows."""
        return Budget(self.budget.target, self.budget.bad, self.expected_total).left_events

    @property
    def left_ratio(self) -> float:
        """What is left of the whole period's budget."""
        return Budget(self.budget.target, self.budget.bad, self.expected_total).left_ratio


def burn_rate(bad: float, total: float, allowed: Fraction) -> float:
    """How many times faster than allowed the events of a window spent the budget."""
    return _burn_rate(bad, total, allowed.numerator, allowed.denominator)


def _burn_rate(bad: float, total: float, numerator: int, denominator: int) -> float:
    if not total:
        return 0.0
    return _or(bad * denominator / (total * numerator), bad / total * (denominator / numerator))


def _or(exact: float, rounded: float) -> float:
    """The first, or where counts are so absurd that their products are infinite, the second."""
    return exact if math.isfinite(exact) else rounded


def burn_rates(
    bad: Float64s, total: Float64s, numerators: Float64s, denominators: Float64s
) -> Float64s:
    """`burn_rate` of many objectives: all float64[n]; `allowed` is numerators / denominators."""
    some = total > 0
    with np.errstate(over="ignore", invalid="ignore"):
        rates = np.divide(
            bad * denominators, total * numerators, out=np.zeros_like(total), where=some
        )
        absurd = ~np.isfinite(rates)
    if absurd.any():
        rounded = np.divide(bad, total, out=np.zeros_like(total), where=some)
        rates = np.where(absurd, rounded * (denominators / numerators), rates)
    return rates


def sli_ratios(bad: Float64s, total: Float64s) -> Float64s:
    """Good by total of many objectives (float64[n]); 1 without traffic."""
    ratios = np.ones_like(total)
    return np.divide(total - bad, total, out=ratios, where=total > 0)
