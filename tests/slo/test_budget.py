"""Budgets: integers first, one division last, the same for one and for many, never NaN."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from slo.budget import Budget, burn_rate, burn_rates, sli_ratios

counts = st.integers(0, 2**40)
targets = st.integers(1, 99_999).map(lambda ppm: Fraction(ppm, 100_000))


@given(counts, counts, targets)
def test_one_and_many_agree_to_the_bit_and_with_exact_arithmetic(
    good: int, bad: int, target: Fraction
) -> None:
    total, allowed = good + bad, 1 - target
    one = burn_rate(float(bad), float(total), allowed)
    many = burn_rates(
        np.array([float(bad)]),
        np.array([float(total)]),
        np.array([float(allowed.numerator)]),
        np.array([float(allowed.denominator)]),
    )
    assert one == many[0]
    exact = Fraction(bad, total) / allowed if total else Fraction(0)
    assert math.isclose(one, float(exact), rel_tol=1e-15)


def test_a_budget_in_events() -> None:
    budget = Budget(Fraction(999, 1000), 250.0, 1_000_000.0)
    assert budget.allowed_events == 1000
    assert budget.left_events == 750
    assert budget.left_ratio == 0.75
    assert budget.sli_ratio == 0.99975
    assert not budget.is_exhausted
    assert Budget(Fraction(999, 1000), 1000.0, 1_000_000.0).is_exhausted


def test_no_traffic_leaves_the_budget_untouched() -> None:
    budget = Budget(Fraction(999, 1000), 0.0, 0.0)
    assert (budget.left_ratio, budget.sli_ratio, budget.spent_ratio) == (1.0, 1.0, 0.0)
    zero = np.zeros(3)
    assert burn_rates(zero, zero, np.ones(3), np.ones(3)).tolist() == [0.0] * 3
    assert sli_ratios(zero, zero).tolist() == [1.0] * 3
