"""Decimal text to the nearest float64, bit for bit what `float()` gives.

Three roads, each exact: digits and a power of ten that are both exact floats (Clinger 1990); a
64 x 128 bit product that proves its own rounding (Lemire, "Number parsing at a gigabyte per
second", 2021, with Eisel's check); and for the rest a mark, so that the caller asks `float()`.
"""

from __future__ import annotations

import numpy as np
from numba import njit, uint64
from numpy.typing import NDArray

READ, ODD, WRONG = 0, 1, 2
"""A number was read; a number that only `float()` can read; not a number."""

_MIN_POWER, _MAX_POWER = -342, 308
_MAX_DIGITS = 19  # as many as always fit into 64 bits


def _power_table() -> NDArray[np.uint64]:
    """The leading 128 bits of 10**q, rounded down, as (high, low), for q from -342 to 308."""
    rows = []
    for q in range(_MIN_POWER, _MAX_POWER + 1):
        number = 10**q if q >= 0 else (1 << (128 + 4 * -q)) // 10**-q
        excess = number.bit_length() - 128
        leading = number >> excess if excess >= 0 else number << -excess
        rows.append((leading >> 64, leading & (2**64 - 1)))
    return np.array(rows, dtype=np.uint64)


_POWERS = _power_table()
_EXACT_TENS = np.array([10.0**q for q in range(23)])
_ONE = np.uint64(1)
_LOW_32 = np.uint64(0xFFFF_FFFF)
_LOW_9 = np.uint64(0x1FF)
_LOW_52 = np.uint64((1 << 52) - 1)
_ALL_64 = np.uint64(2**64 - 1)
_SIGN = np.uint64(1 << 63)
_INFINITY = np.uint64(0x7FF << 52)


@njit(cache=True, nogil=True)
def _high_of_product(a, b):  # type: ignore[no-untyped-def]
    """The upper 64 bits of a 64 x 64 bit product."""
    s = np.uint64(32)
    a_high, a_low, b_high, b_low = a >> s, a & _LOW_32, b >> s, b & _LOW_32
    middle = a_high * b_low + ((a_low * b_low) >> s)
    other = a_low * b_high + (middle & _LOW_32)
    return a_high * b_high + (middle >> s) + (other >> s)


@njit(cache=True, nogil=True)
def _leading_zeros(x):  # type: ignore[no-untyped-def]
    count = 0
    for step in (32, 16, 8, 4, 2, 1):
        if x >> np.uint64(64 - step) == 0:
            x <<= np.uint64(step)
            count += step
    return count


@njit(cache=True, nogil=True)
def _proven_bits(digits, power):  # type: ignore[no-untyped-def]
    """(bits of the float nearest to digits * 10**power, True), or (0, False) when unproven."""
    nothing = np.uint64(0)
    if power < _MIN_POWER or power > _MAX_POWER:
        return nothing, False
    zeros = _leading_zeros(digits)
    digits <<= np.uint64(zeros)
    exponent = ((217706 * power) >> 16) + 64 + 1023 - zeros
    row = power - _MIN_POWER
    high = _high_of_product(digits, _POWERS[row, 0])
    low = digits * _POWERS[row, 0]
    if (high & _LOW_9) == _LOW_9 and low + digits < digits:
        extra = _high_of_product(digits, _POWERS[row, 1])
        extra_low = digits * _POWERS[row, 1]
        merged = low + extra
        if merged < low:
            high += _ONE
        low = merged
        if (high & _LOW_9) == _LOW_9 and low == _ALL_64 and extra_low + digits < digits:
            return nothing, False
    top = high >> np.uint64(63)
    mantissa = high >> (top + np.uint64(9))
    exponent -= 1 - np.int64(top)
    if low == nothing and (high & _LOW_9) == nothing and (mantissa & np.uint64(3)) == _ONE:
        return nothing, False
    mantissa = (mantissa + (mantissa & _ONE)) >> _ONE
    if mantissa >> np.uint64(53):
        mantissa >>= _ONE
        exponent += 1
    if exponent < 1 or exponent >= 0x7FF:
        return nothing, False
    return (np.uint64(exponent) << np.uint64(52)) | (mantissa & _LOW_52), True


@njit(cache=True, nogil=True)
def _lower(byte):  # type: ignore[no-untyped-def]
    return byte | 32 if 65 <= byte <= 90 else byte


@njit(cache=True, nogil=True)
def _read_word(body, i, negative, signed, bits, slot):  # type: ignore[no-untyped-def]
    """Inf, Infinity or NaN in any case."""
    a, b, c = _lower(body[i]), np.uint8(0), np.uint8(0)
    if a in (105, 110):
        b = _lower(body[i + 1])
    if b in (110, 97):
        c = _lower(body[i + 2])
    if a == 110 and b == 97 and c == 110 and not signed:
        bits[slot] = np.uint64(0x7FF8 << 48)
        return i + 3, READ
    if a != 105 or b != 110 or c != 102:
        return i, WRONG
    i += 3
    if _lower(body[i]) == 105:
        for letter in (105, 110, 105, 116, 121):
            if _lower(body[i]) != letter:
                return i, WRONG
            i += 1
    bits[slot] = _INFINITY | _SIGN if negative else _INFINITY
    return i, READ


@njit(cache=True, nogil=True)
def read_number(body, i, values, bits, slot):  # type: ignore[no-untyped-def]  # noqa: C901
    """Read the number at `body[i]` into `values[slot]`; answers (offset after it, status).

    `body` is uint8[n] and ends with a newline, so that no bound needs checking; `bits` is
    `values` viewed as uint64. After ODD the offset is as after READ, the value is not set.
    """
    negative = body[i] == 45
    signed = negative or body[i] == 43
    if signed:
        i += 1
    digits, power, count, seen, odd = uint64(0), 0, 0, 0, False
    while True:
        digit = np.int64(body[i]) - 48
        if digit < 0 or digit > 9:
            break
        seen += 1
        if count < _MAX_DIGITS:
            digits = digits * uint64(10) + uint64(digit)
            count += digits != uint64(0)
        else:
            odd = True
        i += 1
    if body[i] == 46:
        i += 1
        while True:
            digit = np.int64(body[i]) - 48
            if digit < 0 or digit > 9:
                break
            seen += 1
            if count < _MAX_DIGITS:
                digits = digits * uint64(10) + uint64(digit)
                count += digits != uint64(0)
                power -= 1
            elif digit:
                odd = True
            i += 1
    if seen == 0:
        if body[i] == 46:
            return i, WRONG
        return _read_word(body, i, negative, signed, bits, slot)
    if body[i] == 101 or body[i] == 69:
        i += 1
        sign = 1
        if body[i] == 45 or body[i] == 43:
            sign = -1 if body[i] == 45 else 1
            i += 1
        first = i
        exponent = np.int64(0)
        while body[i] >= 48 and body[i] <= 57:
            if exponent < 100_000:
                exponent = exponent * 10 + np.int64(body[i]) - 48
            i += 1
        if i == first:
            return i, WRONG
        power += sign * exponent  # type: ignore[assignment]
    if odd:
        return i, ODD
    if digits == uint64(0):
        values[slot] = -0.0 if negative else 0.0
        return i, READ
    if digits < uint64(1 << 53) and -22 <= power <= 22:
        number = np.float64(digits)
        number = number * _EXACT_TENS[power] if power >= 0 else number / _EXACT_TENS[-power]
        values[slot] = -number if negative else number
        return i, READ
    found, proven = _proven_bits(digits, power)
    if not proven:
        return i, ODD
    bits[slot] = found | _SIGN if negative else found
    return i, READ
