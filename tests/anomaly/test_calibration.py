"""Tail probabilities are honest: as seldom as they say, and careful after few rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly.calibration import fit_tail, surprise, tail_probabilities

DRAWS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "uniform": lambda rng, n: rng.random(n),
    "heavy": lambda rng, n: rng.pareto(4, size=n),
}


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("rows", [50, 1000, 10_000])
def test_a_probability_comes_about_as_often_as_it_says(name: str, rows: int) -> None:
    rng = np.random.default_rng(17)
    fresh, told = [], (0.5, 0.1, 0.01, 0.001)
    for _ in range(40):
        tail = fit_tail(DRAWS[name](rng, rows), min_scale=1e-9)
        fresh.append(tail_probabilities(tail, DRAWS[name](rng, 20_000)))
    seen = np.concatenate(fresh)
    most = 2 if rows > 50 else 6
    for probability in told:
        share = (seen <= probability).mean()
        assert share < most * probability, "five excesses know no better than a factor of six"
        if rows == 10_000 and name != "uniform":
            assert share > probability / 4


@given(
    st.lists(st.floats(-100, 100), min_size=1, max_size=50),
    st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30),
)
def test_a_higher_score_is_never_more_probable(training: list[float], scores: list[float]) -> None:
    tail = fit_tail(np.array(training), min_scale=0.1)
    probability = tail_probabilities(tail, np.sort(scores))
    assert ((probability > 0) & (probability <= 1)).all()
    assert (np.diff(probability) <= 0).all()
    assert (surprise(probability) >= 0).all()


def test_what_was_always_the_same_is_ordinary() -> None:
    tail = fit_tail(np.full(500, 3.0), min_scale=0.5)
    same, other = tail_probabilities(tail, np.array([3.0, 30.0]))
    assert same == 1.0
    assert other < 1e-3


def test_few_rows_doubt_themselves() -> None:
    rng = np.random.default_rng(4)
    few, many = rng.normal(size=30), rng.normal(size=30_000)
    at_six = [tail_probabilities(fit_tail(rows, 0.01), np.array([6.0]))[0] for rows in (few, many)]
    assert at_six[0] > 10 * at_six[1]


def test_tails_stack() -> None:
    rng = np.random.default_rng(5)
    tails = [fit_tail(rng.normal(i, size=200), 0.1) for i in range(4)]
    scores = rng.normal(size=4) + 2
    alone = [
        tail_probabilities(tail, np.array([s]))[0] for tail, s in zip(tails, scores, strict=True)
    ]
    assert np.array_equal(tail_probabilities(np.stack(tails), scores), alone)
