"""Narrow arrays have every value, in the least bytes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.store.narrow import narrow

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(st.one_of(st.integers(-3, 3), st.integers(-(2**17), 2**17), INT64), max_size=60))
def test_every_value_comes_back(values: list[int]) -> None:
    found = narrow(np.array(values, np.int64))
    again = found.values.astype(np.int64)
    again[found.at] += found.wide
    assert again.tolist() == values
    assert found.nbytes <= 8 * len(values)


@pytest.mark.parametrize(
    ("most", "wide", "bytes_each"),
    [(127, 0, 1), (127, 3, 1), (128, 0, 2), (2**15, 0, 4), (2**31, 0, 8), (1, 90, 8)],
)
def test_the_kind_that_takes_least_is_chosen(most: int, wide: int, bytes_each: int) -> None:
    values = np.resize(np.array([most, -most]), 100)
    values[:wide] = 2**40
    found = narrow(values)
    assert found.values.itemsize == bytes_each
    assert found.nbytes == 100 * bytes_each + (16 * wide if bytes_each < 8 else 0)
