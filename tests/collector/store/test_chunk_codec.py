"""Every bit of every value comes back, whatever the column is made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from collector.model.samples import STALE, Float64s
from collector.store.chunk_codec import RAW, joined, pack, unpack

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 64))
CELLS = st.one_of(
    st.floats(width=64),
    st.integers(-(2**53), 2**53).map(float),
    st.integers(-100, 100).map(float),
    st.integers(-(10**6), 10**6).map(lambda number: number / 1000),
    st.sampled_from([STALE, -0.0]),
)


def same_bits(one: Float64s, other: Float64s) -> bool:
    return bool((one.view(np.int64) == other.view(np.int64)).all())


@given(
    columns=SHAPES.flatmap(
        lambda shape: st.one_of(
            arrays(np.float64, shape, elements=CELLS),
            arrays(np.float64, shape, elements=st.integers(0, 50).map(float)),
            arrays(np.float64, shape, elements=st.integers(-9, 10**5).map(lambda n: n / 100)),
        )
    ),
    data=st.data(),
)
@settings(max_examples=200, deadline=None)
def test_every_range_of_every_column_comes_back(columns: Float64s, data: st.DataObject) -> None:
    count, rows = columns.shape
    lo = data.draw(st.integers(0, rows))
    hi = data.draw(st.integers(lo, rows))
    chosen = np.array(data.draw(st.lists(st.integers(0, count - 1), unique=True)), np.int64)
    out = np.full((len(chosen), hi - lo + 2), 7.0)
    unpack(pack(columns), chosen, lo, hi, out[:, 1:-1])
    assert same_bits(np.ascontiguousarray(out[:, 1:-1]), columns[chosen, lo:hi])
    assert (out[:, 0] == 7.0).all()
    assert (out[:, -1] == 7.0).all()


@pytest.mark.parametrize(
    ("column", "bits_per_value"),
    [
        (np.full(64, 5.0), 0),
        (np.arange(64.0) * 15, 0),
        (np.cumsum(np.arange(64.0) % 50), 6),
        (np.arange(64) % 4 / 100, 3),
    ],
)
def test_counts_and_decimals_become_few_bits(column: Float64s, bits_per_value: int) -> None:
    packed = pack(column.reshape(1, -1))
    assert packed.widths[0] == bits_per_value


def test_measurements_keep_their_64_bits() -> None:
    column = np.random.default_rng(1).random((1, 64))
    packed = pack(column)
    assert packed.exponents[0] == RAW
    assert len(packed.words) == 65


def test_columns_packed_in_parts_join() -> None:
    dice = np.random.default_rng(2)
    columns = np.concatenate(
        [dice.random((3, 50)), np.cumsum(dice.integers(0, 9, (4, 50)), axis=1).astype(np.float64)]
    )
    packed = joined([pack(columns[:2]), pack(columns[2:5]), pack(columns[5:])])
    out = np.empty_like(columns)
    unpack(packed, np.arange(7), 0, 50, out)
    assert same_bits(out, columns)
