"""Poisson's tails against their own sums."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.significance import chance_of_at_least, chance_of_at_most


def at_most(bad: int, expected: float) -> float:
    mean = Fraction(expected)
    terms = sum(mean**k / math.factorial(k) for k in range(bad + 1))
    return float(terms) * math.exp(-expected)


@given(st.integers(0, 60), st.floats(0.001, 60))
def test_the_tails_are_sums_of_the_probabilities(bad: int, expected: float) -> None:
    counts, means = np.array([float(bad)]), np.array([expected])
    below = at_most(bad, expected)
    assert chance_of_at_most(counts, means)[0] == pytest.approx(below, rel=1e-9)
    above = 1.0 if bad == 0 else 1 - at_most(bad - 1, expected)
    assert chance_of_at_least(counts, means)[0] == pytest.approx(above, rel=1e-6, abs=1e-12)


def test_no_traffic_proves_nothing() -> None:
    none = np.zeros(1)
    assert chance_of_at_least(none, none)[0] == 1
    assert chance_of_at_most(none, none)[0] == 1


def test_three_failures_of_seventy_two_requests_are_beyond_chance_and_two_are_not() -> None:
    chance = chance_of_at_least(np.array([2.0, 3.0]), np.array([0.072, 0.072]))
    assert chance[0] > 1e-4 > chance[1]
