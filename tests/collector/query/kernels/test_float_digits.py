import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.query.float_text import json_number
from collector.query.kernels.float_digits import MAX_NUMBER_BYTES, write_number


def written(value: float) -> str:
    into = np.zeros(MAX_NUMBER_BYTES, np.uint8)
    bits = np.uint64(struct.unpack("<Q", struct.pack("<d", value))[0])
    return into[: write_number(value, bits, into, 0)].tobytes().decode()


@settings(deadline=None)  # the first call compiles
@given(st.floats())
@example(0.0)
@example(-0.0)
@example(5e-324)
@example(1.7976931348623157e308)
@example(2.2250738585072014e-308)
@example(9007199254740993.0)
@example(1e21)
@example(1e-6)
@example(9.5e-7)
@example(-123456.789)
def test_every_number_is_written_as_by_the_slow_way(value: float) -> None:
    assert written(value) == json_number(value)


@pytest.mark.parametrize("spread", [1, 60, 2047])
def test_random_bits_are_written_as_by_the_slow_way(spread: int) -> None:
    dice = np.random.default_rng(3)
    exponents = dice.integers(1023 - spread // 2, 1023 + (spread + 1) // 2, 20_000)
    bits = exponents.astype(np.uint64) << np.uint64(52)
    bits |= dice.integers(0, 1 << 52, 20_000, dtype=np.uint64)
    for value in bits.view(np.float64).tolist():
        assert written(value) == json_number(value)


def test_powers_of_two_and_ten_are_exact() -> None:
    for value in [2.0**k for k in range(-1074, 1024)] + [float(f"1e{k}") for k in range(-320, 309)]:
        assert written(value) == json_number(value)
