"""Rows are sealed when there are enough of them, and not those of all stripes at once."""

import numpy as np
import pytest

from collector.store.stripe import CHUNK_ROWS, FEWEST_ROWS, Stripe


def rows_of_chunks(stripe: Stripe, rows: int) -> list[int]:
    """Push so many rows of one series, sealing as the head does; rows of each chunk."""
    for row in range(rows):
        if stripe.open is not None and stripe.open.is_full:
            stripe.close_rows()
        if stripe.open is None:
            stripe.begin_rows(1).add_columns(np.zeros(1, np.int64))
        stripe.push(row, None, np.array([float(row)]))
    return [len(chunk.times) for chunk in stripe.sealed]


@pytest.mark.parametrize("number", [0, 1, 2, 1_000_003])
def test_after_the_first_chunk_all_are_whole(number: int) -> None:
    first, *others = rows_of_chunks(Stripe(number), 5 * CHUNK_ROWS)
    assert FEWEST_ROWS <= first <= CHUNK_ROWS
    assert set(others) == {CHUNK_ROWS}


def test_stripes_that_begin_together_are_sealed_at_many_times() -> None:
    firsts = [rows_of_chunks(Stripe(number), CHUNK_ROWS + 1)[0] for number in range(98)]
    assert sorted(firsts) == sorted([*range(FEWEST_ROWS, CHUNK_ROWS + 1)] * 2)
