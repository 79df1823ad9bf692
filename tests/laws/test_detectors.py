"""Laws that every detector obeys, whatever its algorithm."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from anomaly.detectors import DETECTORS
from collector.model.errors import InputError

every_detector = pytest.mark.parametrize("name", sorted(DETECTORS))


def ordinary_rows(rows: int = 300, features: int = 5, seed: int = 11) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, features))


@every_detector
def test_the_same_rows_and_seed_give_the_same_scores(name: str) -> None:
    rows = ordinary_rows()
    first, second = (DETECTORS[name].fit(rows, seed=7).score(rows) for _ in range(2))
    assert first.dtype == np.float64
    assert first.shape == (len(rows),)
    assert np.array_equal(first, second)


@every_detector
def test_the_order_of_columns_does_not_matter(name: str) -> None:
    rows, fresh = ordinary_rows(), ordinary_rows(seed=12) * 3
    order = [3, 0, 4, 2, 1]
    plain = DETECTORS[name].fit(rows, seed=7).score(fresh)
    shuffled = DETECTORS[name].fit(rows[:, order], seed=7).score(fresh[:, order])
    assert np.array_equal(plain, shuffled)


@every_detector
def test_a_row_far_from_all_others_scores_highest(name: str) -> None:
    rows = ordinary_rows()
    detector = DETECTORS[name].fit(rows, seed=7)
    far = detector.score(np.full((1, 5), 9.0))
    assert far[0] > np.quantile(detector.score(rows), 0.99)


@every_detector
@pytest.mark.parametrize("rows", [1, 2, 3, 25, 64, 65])
def test_few_rows_and_constants_are_no_accident(name: str, rows: int) -> None:
    for matrix in (np.ones((rows, 3)), ordinary_rows(rows, 3)):
        scores = DETECTORS[name].fit(matrix, seed=1).score(matrix)
        assert np.isfinite(scores).all()
    constant = DETECTORS[name].fit(np.ones((rows, 3)), seed=1).score(np.ones((4, 3)))
    assert len(set(constant)) == 1


@every_detector
@pytest.mark.parametrize(
    "matrix",
    [np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(3), np.array([[1.0, np.nan]])],
    ids=["no rows", "no columns", "one dimension", "nan"],
)
def test_a_matrix_that_teaches_nothing_is_refused(name: str, matrix: np.ndarray) -> None:
    with pytest.raises(InputError):
        DETECTORS[name].fit(matrix, seed=1)


@every_detector
def test_its_arrays_bring_it_back(name: str) -> None:
    rows = ordinary_rows()
    fitted = DETECTORS[name].fit(rows, seed=3)
    arrays = fitted.to_arrays()
    assert all(array.dtype != object for array in arrays.values())
    assert np.array_equal(DETECTORS[name].from_arrays(arrays).score(rows), fitted.score(rows))


@every_detector
def test_arrays_of_something_else_are_refused(name: str) -> None:
    arrays = DETECTORS[name].fit(ordinary_rows(), seed=3).to_arrays()
    some = next(iter(arrays))
    damaged: list[Mapping[str, Any]] = [
        {},
        {key: value for key, value in arrays.items() if key != some},
        {**arrays, some: np.full_like(arrays[some], 120)[:1]},
    ]
    for wrong in damaged:
        with pytest.raises(InputError):
            DETECTORS[name].from_arrays(wrong)


@every_detector
def test_a_bank_scores_each_row_as_its_own_detector_does(name: str) -> None:
    bank = DETECTORS[name].new_bank()
    detectors = [DETECTORS[name].fit(ordinary_rows(seed=i), seed=i) for i in range(20)]
    for slot, detector in enumerate(detectors):
        bank.put(slot, detectors[0])
        bank.put(slot, detector)
    fresh = ordinary_rows(20, seed=99)
    slots = np.arange(20, dtype=np.int64)[::-1].copy()
    alone = [detectors[slot].score(row[None, :])[0] for slot, row in zip(slots, fresh, strict=True)]
    assert np.array_equal(bank.score(slots, fresh), alone)
