"""numba: the shortest decimal of a double, written into bytes as Prometheus's JSON has it.

Source: Raffaello Giulietti, "The Schubfach way to render doubles" (2020): one multiplication by a
128-bit power of ten decides between the two candidates, exactly. The powers are reckoned at import.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from collector.model.samples import MISSING_BITS, Float64s, Int64s

Bytes = NDArray[np.uint8]
MAX_NUMBER_BYTES = 32
"""No double needs more in the forms written here: 24 digits, sign, point, exponent."""

_LEAST_POWER, _LARGEST_POWER = -292, 324


def _powers_of_ten() -> NDArray[np.uint64]:
    """uint64[617, 2]: the upper 128 bits of 10**k, rounded up; high word, low word."""
    table = np.empty((_LARGEST_POWER - _LEAST_POWER + 1, 2), np.uint64)
    for k in range(_LEAST_POWER, _LARGEST_POWER + 1):
        exact, divisor = (10**k, 1) if k >= 0 else (1 << 1200, 10**-k)
        size = (exact // divisor).bit_length() - 128
        upper, rest = (
            divmod(exact, divisor << size) if size >= 0 else divmod(exact << -size, divisor)
        )
        upper += rest != 0
        table[k - _LEAST_POWER] = upper >> 64, upper & 0xFFFF_FFFF_FFFF_FFFF
    return table


_POWERS = _powers_of_ten()
_U = np.uint64
_MISSING = np.int64(MISSING_BITS)
_LOW_HALF = _U(0xFFFF_FFFF)


@njit(cache=True, nogil=True, inline="always")
def _high_product(a: np.uint64, b: np.uint64) -> np.uint64:
    """The upper 64 bits of a * b."""
    a_low, a_high = a & _LOW_HALF, a >> _U(32)
    b_low, b_high = b & _LOW_HALF, b >> _U(32)
    low = a_low * b_low
    middle = a_high * b_low + (low >> _U(32))
    other = a_low * b_high + (middle & _LOW_HALF)
    return _U(a_high * b_high + (middle >> _U(32)) + (other >> _U(32)))


@njit(cache=True, nogil=True, inline="always")
def _round_to_odd(high: np.uint64, low: np.uint64, factor: np.uint64) -> np.uint64:
    """(high, low) * factor / 2**128, the last bit set when anything was cut off."""
    carried = _high_product(low, factor)
    middle = high * factor
    total = middle + carried
    upper = _high_product(high, factor) + _U(1 if total < middle else 0)
    return _U(upper | _U(1 if total > _U(1) else 0))


@njit(cache=True, nogil=True)
def shortest_decimal(bits: np.uint64) -> tuple[np.uint64, np.int64]:
    """Digits d and exponent e such that d * 10**e is the shortest text of a finite double > 0."""
    fraction = bits & _U(0xF_FFFF_FFFF_FFFF)
    biased = np.int64((bits >> _U(52)) & _U(0x7FF))
    if biased:
        c, q = fraction | _U(1 << 52), biased - 1075
        if -53 < q <= 0 and (c & ((_U(1) << _U(-q)) - _U(1))) == _U(0):
            return c >> _U(-q), np.int64(0)
    else:
        c, q = fraction, np.int64(-1074)
    closer_below = fraction == _U(0) and biased > 1
    k = (q * 1262611 - (524031 if closer_below else 0)) >> 22
    h = _U(q + ((-k * 1741647) >> 19) + 1)
    high, low = _POWERS[-k - _LEAST_POWER, 0], _POWERS[-k - _LEAST_POWER, 1]
    below = _round_to_odd(high, low, ((c << _U(2)) - _U(1 if closer_below else 2)) << h)
    exact = _round_to_odd(high, low, (c << _U(2)) << h)
    above = _round_to_odd(high, low, ((c << _U(2)) + _U(2)) << h)
    odd = c & _U(1)
    least, most = below + odd, above - odd
    s = exact >> _U(2)
    if s >= _U(10):
        tens = s // _U(10)
        low_fits = least <= _U(40) * tens
        high_fits = _U(40) * tens + _U(40) <= most
        if low_fits != high_fits:
            return tens + _U(1 if high_fits else 0), k + 1
    low_fits = least <= (s << _U(2))
    high_fits = (s << _U(2)) + _U(4) <= most
    if low_fits != high_fits:
        return s + _U(1 if high_fits else 0), k
    middle = (s << _U(2)) + _U(2)
    up = exact > middle or (exact == middle and (s & _U(1)) == _U(1))
    return s + _U(1 if up else 0), k


@njit(cache=True, nogil=True)
def _write_text(text: Bytes, into: Bytes, at: int) -> int:
    for i in range(text.shape[0]):
        into[at + i] = text[i]
    return int(at + text.shape[0])


_PAIRS = np.frombuffer("".join(f"{i:02}" for i in range(100)).encode(), np.uint8)
_TENS = np.array([10**i for i in range(20)], np.uint64)
_WHOLE_LIMIT = _U(10**19)
_NAN = np.frombuffer(b"NaN", np.uint8)
_PLUS_INF = np.frombuffer(b"+Inf", np.uint8)
_MINUS_INF = np.frombuffer(b"-Inf", np.uint8)


@njit(cache=True, nogil=True)
def write_number(value: float, bits: np.uint64, into: Bytes, at: int) -> int:
    """Write one number as Prometheus's JSON has it; the position behind it."""
    if value != value:
        return _write_text(_NAN, into, at)
    if bits >> _U(63):
        if value == -np.inf:
            return _write_text(_MINUS_INF, into, at)
        into[at] = 45
        at += 1
    elif value == np.inf:
        return _write_text(_PLUS_INF, into, at)
    magnitude = bits & _U(0x7FFF_FFFF_FFFF_FFFF)
    if magnitude == _U(0):
        into[at] = 48
        return at + 1
    digits, exponent = shortest_decimal(magnitude)
    if exponent == 0 and digits < _WHOLE_LIMIT:
        return _write_digits(digits, _length(digits), into, at)
    while digits % _U(10) == _U(0):
        digits //= _U(10)
        exponent += 1
    return _lay_out(digits, int(exponent), into, at)


@njit(cache=True, nogil=True)
def _length(digits: np.uint64) -> int:
    """How many decimal digits a number above zero has."""
    size = 1
    while size < 20 and digits >= _TENS[size]:
        size += 1
    return size


@njit(cache=True, nogil=True)
def _write_digits(digits: np.uint64, size: int, into: Bytes, at: int) -> int:
    """Write all digits, two at once from the end; the position behind them."""
    end = at + size
    back = end
    while digits >= _U(100):
        rest = digits // _U(100)
        pair = 2 * np.int64(digits - rest * _U(100))
        digits = rest
        back -= 2
        into[back], into[back + 1] = _PAIRS[pair], _PAIRS[pair + 1]
    if digits >= _U(10):
        pair = 2 * np.int64(digits)
        into[back - 2], into[back - 1] = _PAIRS[pair], _PAIRS[pair + 1]
    else:
        into[back - 1] = np.uint8(48) + np.uint8(digits)
    return end


@njit(cache=True, nogil=True)
def _lay_out(digits: np.uint64, exponent: int, into: Bytes, at: int) -> int:
    """Put the point, zeros or an exponent (below 1e-6, from 1e21 on) to the digits."""
    size = _length(digits)
    point = size + exponent
    if point < -5 or point > 21:
        return _with_exponent(digits, size, point - 1, into, at)
    if point <= 0:
        into[at], into[at + 1] = 48, 46
        at += 2
        for _ in range(-point):
            into[at] = 48
            at += 1
        return _write_digits(digits, size, into, at)
    if point >= size:
        at = _write_digits(digits, size, into, at)
        for _ in range(point - size):
            into[at] = 48
            at += 1
        return at
    end = _write_digits(digits, size, into, at + 1)
    for i in range(at, at + point):
        into[i] = into[i + 1]
    into[at + point] = 46
    return end


@njit(cache=True, nogil=True)
def _with_exponent(digits: np.uint64, size: int, exponent: int, into: Bytes, at: int) -> int:
    end = _write_digits(digits, size, into, at + 1)
    into[at] = into[at + 1]
    if size > 1:
        into[at + 1] = 46
        at = end
    else:
        at += 1
    into[at], into[at + 1] = 101, 45 if exponent < 0 else 43
    at += 2
    exponent = abs(exponent)
    if exponent >= 100:
        into[at] = 48 + exponent // 100
        at += 1
    into[at], into[at + 1] = 48 + exponent // 10 % 10, 48 + exponent % 10
    return at + 2


@njit(cache=True, nogil=True)
def write_points(
    values: Float64s,
    bits: Int64s,
    steps: Int64s,
    stamps: Bytes,
    stamp_ends: Int64s,
    into: Bytes,
) -> int:
    """`[t,"v"],[t,"v"]` of one series; the number of bytes.

    `values` float64[n] at the indices `steps` int64[n] into the times, whose texts stand one after
    another in `stamps`; `stamp_ends[i]` is where the text of time i ends.
    """
    at = 0
    for i in range(values.shape[0]):
        if i:
            into[at] = 44
            at += 1
        into[at] = 91
        step = steps[i]
        start = stamp_ends[step - 1] if step else 0
        at = _write_text(stamps[start : stamp_ends[step]], into, at + 1)
        into[at], into[at + 1] = 44, 34
        at = write_number(values[i], _U(bits[i]), into, at + 2)
        into[at], into[at + 1] = 34, 93
        at += 2
    return at


@njit(cache=True, nogil=True)
def write_rows(
    values: Float64s,
    bits: Int64s,
    heads: Bytes,
    head_ends: Int64s,
    stamps: Bytes,
    stamp_ends: Int64s,
    into: Bytes,
) -> int:
    """`HEAD[t,"v"],[t,"v"]]}` of every row, with commas between; the number of bytes.

    `values` float64[n, t], a MISSING cell is left out; `heads` and `stamps` are texts one after
    another: `head_ends[i]` is where the one of row i ends, `stamp_ends[j]` that of time j.
    """
    at, head = 0, 0
    for i in range(values.shape[0]):
        if i:
            into[at] = 44
            at += 1
        at = _write_text(heads[head : head_ends[i]], into, at)
        head = head_ends[i]
        stamp = 0
        follows = False
        for j in range(values.shape[1]):
            start, stamp = stamp, stamp_ends[j]
            if bits[i, j] == _MISSING:
                continue
            if follows:
                into[at] = 44
                at += 1
            follows = True
            into[at] = 91
            at = _write_text(stamps[start:stamp], into, at + 1)
            into[at], into[at + 1] = 44, 34
            at = write_number(values[i, j], _U(bits[i, j]), into, at + 2)
            into[at], into[at + 1] = 34, 93
            at += 2
        into[at], into[at + 1] = 93, 125
        at += 2
    return at
