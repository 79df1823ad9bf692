"""When rows leave memory."""

import pytest

from collector.store.retention import cut_time_ms


@pytest.mark.parametrize(
    ("first_ms", "now_ms", "expected"),
    [
        (-1, 10_000, None),
        (0, 2999, None),
        (0, 3000, 2000),
        (1999, 3000, 2000),
        (2000, 3000, None),
        (100, 9100, 8000),
    ],
)
def test_a_span_is_cut_half_a_span_after_its_end(
    first_ms: int, now_ms: int, expected: int | None
) -> None:
    assert cut_time_ms(first_ms, now_ms, 2000) == expected
