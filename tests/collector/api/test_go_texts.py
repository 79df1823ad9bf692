import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.api.go_texts import NEVER, rfc3339, scientific


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, NEVER),
        (1_700_000_000_000, "2023-11-14T22:13:20Z"),
        (1_700_000_000_250, "2023-11-14T22:13:20.25Z"),
        (1_700_000_000_001, "2023-11-14T22:13:20.001Z"),
    ],
)
def test_times_end_without_zeros(ms: int, text: str) -> None:
    assert rfc3339(ms) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1e+00"),
        (0.0, "0e+00"),
        (-0.0, "-0e+00"),
        (-12.5, "-1.25e+01"),
        (2.5e-7, "2.5e-07"),
        (0.05, "5e-02"),
        (1e300, "1e+300"),
        (math.inf, "+Inf"),
        (math.nan, "NaN"),
    ],
)
def test_alert_values_are_written_with_an_exponent(value: float, text: str) -> None:
    assert scientific(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_bit_of_a_value_is_lost(value: float) -> None:
    assert float(scientific(value)) == value
