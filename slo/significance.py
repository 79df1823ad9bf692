"""How sure a burn is, given few events: exact Poisson tails.

A window that should see `expected` bad events sees k of them with Poisson's probabilities. Two
questions are asked of it: are there too many for a service that keeps its objective (then it
burns), and too few for one that still burns at a tier's factor (then it has recovered)? The tails
are regularised incomplete gamma functions (NIST DLMF 8.4.10, 26.4): P(X >= k) = P(k, expected) and
P(X <= k) = Q(k + 1, expected).
"""

from __future__ import annotations

import numpy as np

from collector.model.samples import Float64s

SURE_OF_BURN = 1e-4
"""A service that just keeps its objective looks as bad as this by chance once in 10,000 windows."""
SURE_OF_RECOVERY = 1e-3
"""A service that still burns looks as good as this by chance once in 1,000 windows."""
HINT_OF_RECOVERY = 0.05
"""Enough to not begin a page: what is left in the longer windows is of an incident that is over."""


def chance_of_at_least(bad: Float64s, expected: Float64s) -> Float64s:
    """P(X >= bad) where X is Poisson with mean `expected`; float64[n]; 1 where bad is 0."""
    if not len(bad):
        return bad
    from scipy.special import gammainc  # half a second to import, and most ticks ask nothing

    chance = np.ones_like(bad)
    some = bad > 0
    chance[some] = gammainc(bad[some], expected[some])
    return chance


def chance_of_at_most(bad: Float64s, expected: Float64s) -> Float64s:
    """P(X <= bad) where X is Poisson with mean `expected`; float64[n]."""
    if not len(bad):
        return bad
    from scipy.special import gammaincc

    return np.asarray(gammaincc(bad + 1.0, expected), np.float64)
