"""The oracle is `float()`: every number that the scanner reads has the same bits."""

import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.ingest.formats.scan.decimal import ODD, READ, WRONG, read_number


def read(text: str) -> tuple[int, int, float]:
    values = np.zeros(1)
    body = np.frombuffer(text.encode() + b"\n", dtype=np.uint8)
    end, status = read_number(body, 0, values, values.view(np.uint64), 0)
    return end, status, float(values[0])


def bits(number: float) -> bytes:
    return struct.pack("<d", number)


def assert_as_float(text: str) -> None:
    end, status, value = read(text)
    assert end == len(text)
    assert status in (READ, ODD)
    if status == READ:
        assert bits(value) == bits(float(text))


@settings(deadline=None)  # the first call compiles
@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-324)
@example(2.2250738585072014e-308)
@example(1.7976931348623157e308)
def test_every_float_comes_back_bit_for_bit(number: float) -> None:
    assert_as_float(repr(number))


@given(
    st.integers(0, 2**64 + 10), st.integers(-345, 310), st.integers(0, 22), st.sampled_from("+- ")
)
@example(9007199254740993, 0, 0, " ")
@example(2**64 - 1, 0, 0, "-")
def test_any_decimal_is_rounded_as_float_rounds(
    digits: int, power: int, point: int, sign: str
) -> None:
    text = str(digits)
    if point and point <= len(text):
        text = f"{text[:-point]}.{text[-point:]}"
    assert_as_float(f"{sign.strip()}{text}e{power}")


@given(st.integers(2**52, 2**53 - 1), st.integers(0, 60))
def test_a_decimal_halfway_between_two_floats_is_exact(mantissa: int, shift: int) -> None:
    assert_as_float(str((2 * mantissa + 1) << shift))


@pytest.mark.parametrize("text", ["0.1", "1e5", "1E-5", ".5", "5.", "-0", "1" + "0" * 18])
def test_ordinary_numbers_need_no_help(text: str) -> None:
    assert read(text)[1] == READ
    assert_as_float(text)


@pytest.mark.parametrize("text", ["inf", "+Inf", "-INF", "infinity", "-Infinity", "NaN", "nan"])
def test_words_are_read_in_any_case(text: str) -> None:
    end, status, value = read(text)
    assert (end, status) == (len(text), READ)
    assert bits(value) == bits(float(text))


@pytest.mark.parametrize(
    "text", ["", "abc", ".", "-", "1e", "1e+", "e5", "--1", "infi", "+nan", "_1", "na"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    assert read(text)[1] == WRONG
