import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.ingest.formats.go_float import format_bound, normalize_bound


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (1.0, "1.0"),
        (-1.0, "-1.0"),
        (0.25, "0.25"),
        (100000.0, "100000.0"),
        (1e6, "1e+06"),
        (1234567.0, "1.234567e+06"),
        (123456.5, "123456.5"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1e100, "1e+100"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_written_as_go_writes_it(value: float, text: str) -> None:
    assert format_bound(value) == text


@given(st.floats(allow_nan=False))
def test_read_back_it_is_the_same_number(value: float) -> None:
    assert float(format_bound(value)) == value


@pytest.mark.parametrize("text", ["many", "", "1_0", " 1", "1e400", "+nan", "\u0661"])
def test_a_bound_that_is_no_number_stays(text: str) -> None:
    assert normalize_bound(text) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [("1", "1.0"), ("+5.", "5.0"), (".5e1", "5.0"), ("inf", "+Inf"), ("-Infinity", "-Inf")],
)
def test_a_bound_that_is_a_number_is_written_as_a_float(text: str, written: str) -> None:
    assert normalize_bound(text) == written
