import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.query.float_text import json_number, open_metrics_number, shortest


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.0, "-0"),
        (0.1, "0.1"),
        (1e16, "10000000000000000"),
        (123456789012345678.0, "123456789012345680"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1e-5, "0.00001"),
        (1e-6, "0.000001"),
        (1.5e-7, "1.5e-07"),
        (5e-324, "5e-324"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_json_numbers_are_those_of_go(value: float, text: str) -> None:
    assert json_number(value) == text


def test_labels_never_have_an_exponent() -> None:
    assert shortest(1e21) == "1000000000000000000000"
    assert shortest(1.5e-7) == "0.00000015"
    assert open_metrics_number(1.0) == "1.0"
    assert open_metrics_number(0.25) == "0.25"


@given(st.floats(allow_nan=False))
def test_texts_read_back_equal(value: float) -> None:
    assert float(json_number(value)) == value
    assert float(shortest(value)) == value
