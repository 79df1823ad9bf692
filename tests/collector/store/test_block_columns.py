"""What is written of a series is what was in it, bit for bit, whatever the values are."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from collector.model import Labels
from collector.model.samples import MISSING, STALE, Float64s, Int64s, filled
from collector.store import merge
from collector.store.block import Block
from collector.store.block_cache import RowGroups
from collector.store.block_index import BlockMeta
from collector.store.block_writer import Plan, write_block

ROWS = 12
CELLS = st.one_of(
    st.integers(-(2**40), 2**40).map(float),
    st.integers(-(10**6), 10**6).map(lambda n: n / 1000),
    st.floats(allow_nan=False),
    st.sampled_from([STALE, MISSING, -0.0, 0.0, np.inf, -np.inf, np.nan, 2.0**53, 2.0**51]),
)


class Rows:
    """Series over one column of timestamps, as a part."""

    is_dense = False

    def __init__(self, refs: Int64s, times: Int64s, values: Float64s) -> None:
        self.refs, self.times, self.values = refs, times, values

    def fill(self, rows: Int64s, lo: int, hi: int, out: Float64s) -> None:
        out.view(np.int64)[:] = self.values.view(np.int64)[rows, lo:hi]

    def windows(self, from_ms: int, until_ms: int) -> list[merge.Window]:
        return merge.windows([self], from_ms - 1, until_ms - 1)


def read_back(path: Path, labels: list[Labels]) -> NDArray[np.int64]:
    block = Block.open(path, labels.index, RowGroups())
    found = merge.slices(
        np.arange(len(labels)), merge.windows(block.parts(), -1, 10**6), lambda refs: list(refs)
    )
    out = filled((len(labels), ROWS))
    for one in found:
        where = np.ix_(one.refs, one.timestamps_ms // 100)
        out.view(np.int64)[where] = one.values.view(np.int64)
    return out.view(np.int64)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=ROWS, max_size=ROWS), min_size=1, max_size=6))
def test_any_values_come_back_bit_for_bit(cells: list[list[float]]) -> None:
    values = np.array(cells)
    labels = [Labels.of("x", n=str(-i)) for i in range(len(values))]
    rows = Rows(np.arange(len(values)), np.arange(ROWS) * 100, values)
    with TemporaryDirectory() as name:
        plan = Plan(0, ROWS * 100, 500, BlockMeta(0, 0, 0, 1), labels)
        written = write_block(Path(name), plan, rows)
        expected = values.view(np.int64)
        if written is None:
            assert (expected == filled(1).view(np.int64)).all()
        else:
            assert (read_back(written.path, labels) == expected).all()
