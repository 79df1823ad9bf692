"""Packs the columns of a full chunk into bits and unpacks them: memory for speed, exactly.

Most series count things or are decimals of a few digits. A column whose every value is an integer
after multiplication with the same 10**e is kept as its first integer and bit-packed differences;
the division by 10**e gives every bit back, which is proved per value before it is packed so. Any
other column (full mantissas, NaN, Inf, -0.0, stale markers) keeps its 64 bits a value.

Source of the decimal idea: ALP, Afroozeh, Kuffó, Boncz, SIGMOD 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from collector.model.samples import Float64s, Int64s

RAW = 255
MAX_EXPONENT = 9
"""Decimals past nine digits are measurements, not texts, and differ in every bit anyway."""
EXACT_LIMIT = float(2**51)
"""Below it an integer and the difference of two such are exact in float64."""
POWERS: Float64s = np.array([10.0**e for e in range(MAX_EXPONENT + 1)])


@dataclass(frozen=True, slots=True)
class Packed:
    """Columns of `rows` values: `exponents` uint8[n] (RAW: bits), `widths` uint8[n] bits a delta,
    `firsts` int64[n], `least` int64[n] (smallest delta), `starts` int64[n + 1] into `words`.
    """

    rows: int
    exponents: NDArray[np.uint8]
    widths: NDArray[np.uint8]
    firsts: Int64s
    least: Int64s
    starts: Int64s
    words: NDArray[np.uint64]

    @property
    def nbytes(self) -> int:
        """Memory that the arrays take."""
        arrays = (self.exponents, self.widths, self.firsts, self.least, self.starts, self.words)
        return sum(array.nbytes for array in arrays)


def pack(columns: Float64s) -> Packed:
    """`columns` float64[n, rows], C order, at least one row."""
    count, rows = columns.shape
    exponents = np.empty(count, np.uint8)
    widths = np.empty(count, np.uint8)
    firsts = np.empty(count, np.int64)
    least = np.empty(count, np.int64)
    bits = columns.view(np.int64)
    _plan(columns, bits, POWERS, exponents, widths, firsts, least)
    sizes = np.where(exponents == RAW, rows, ((rows - 1) * widths.astype(np.int64) + 63) // 64)
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    words = np.zeros(int(starts[-1]) + 1, np.uint64)
    _pack(columns, bits, POWERS, exponents, widths, least, starts, words)
    return Packed(rows, exponents, widths, firsts, least, starts, words)


def joined(parts: Sequence[Packed]) -> Packed:
    """One after the other, the columns of chunks with the same number of rows."""
    if len(parts) == 1:
        return parts[0]
    words = [part.words[:-1] for part in parts[:-1]] + [parts[-1].words]
    begins = np.cumsum([0, *(len(part) for part in words[:-1])])
    starts = [part.starts[:-1] + at for part, at in zip(parts, begins, strict=True)]
    return Packed(
        parts[0].rows,
        np.concatenate([part.exponents for part in parts]),
        np.concatenate([part.widths for part in parts]),
        np.concatenate([part.firsts for part in parts]),
        np.concatenate([part.least for part in parts]),
        np.concatenate([*starts, parts[-1].starts[-1:] + begins[-1]]),
        np.concatenate(words),
    )


def unpack(packed: Packed, columns: Int64s, lo: int, hi: int, out: Float64s) -> None:
    """Rows lo up to hi (not included) of these columns into `out` float64[len(columns), hi - lo].

    `out` may be a slice of a wider matrix.
    """
    _unpack(
        packed.exponents,
        packed.widths,
        packed.firsts,
        packed.least,
        packed.starts,
        packed.words,
        POWERS,
        columns,
        lo,
        hi,
        out,
        out.view(np.int64),
    )


@njit(cache=True, nogil=True)
def exact(value, power):  # type: ignore[no-untyped-def]
    """The integer `value * power`, and whether dividing it gives every bit of `value` back."""
    scaled = np.rint(value * power)
    good = abs(scaled) < EXACT_LIMIT and scaled / power == value
    # -0.0 equals 0.0 but has other bits
    good = good and not (value == 0.0 and np.copysign(1.0, value) < 0)
    return (np.int64(scaled) if good else np.int64(0)), good


@njit(cache=True, nogil=True)
def _plan(columns, bits, powers, exponents, widths, firsts, least):  # type: ignore[no-untyped-def]
    count, rows = columns.shape
    for c in range(count):
        exponent = 0
        for r in range(rows):
            while exponent <= MAX_EXPONENT and not exact(columns[c, r], powers[exponent])[1]:
                exponent += 1
            if exponent > MAX_EXPONENT:
                break
        width = 65
        smallest = largest = np.int64(0)
        if exponent <= MAX_EXPONENT:
            power = powers[exponent]
            first, whole = exact(columns[c, 0], power)
            before = first
            for r in range(1, rows):
                number, good = exact(columns[c, r], power)
                whole = whole and good
                delta = number - before
                if r == 1 or delta < smallest:
                    smallest = delta
                if r == 1 or delta > largest:
                    largest = delta
                before = number
            if whole:
                firsts[c] = first
                width = 0
                span = np.uint64(largest - smallest)
                while span:
                    width += 1
                    span >>= np.uint64(1)
        if width > 56:
            exponents[c] = RAW
            widths[c] = 64
            firsts[c] = least[c] = 0
        else:
            exponents[c] = exponent
            widths[c] = width
            least[c] = smallest


@njit(cache=True, nogil=True)
def _pack(columns, bits, powers, exponents, widths, least, starts, words):  # type: ignore[no-untyped-def]
    count, rows = columns.shape
    for c in range(count):
        at = starts[c]
        if exponents[c] == RAW:
            for r in range(rows):
                words[at + r] = np.uint64(bits[c, r])
            continue
        width = np.int64(widths[c])
        if width == 0:
            continue
        power = powers[exponents[c]]
        before = exact(columns[c, 0], power)[0]
        position = np.int64(0)
        for r in range(1, rows):
            number = exact(columns[c, r], power)[0]
            delta = np.uint64(number - before - least[c])
            before = number
            word, shift = at + (position >> 6), np.uint64(position & 63)
            words[word] |= delta << shift
            if (position & 63) + width > 64:
                words[word + 1] |= delta >> (np.uint64(64) - shift)
            position += width


@njit(cache=True, nogil=True)
def _unpack(  # type: ignore[no-untyped-def]
    exponents, widths, firsts, least, starts, words, powers, columns, lo, hi, out, out_bits
):
    for i in range(len(columns)):
        c = columns[i]
        at = starts[c]
        if exponents[c] == RAW:
            for r in range(lo, hi):
                out_bits[i, r - lo] = np.int64(words[at + r])
            continue
        width = np.int64(widths[c])
        mask = (np.uint64(1) << np.uint64(width)) - np.uint64(1)
        power = powers[exponents[c]]
        number = firsts[c]
        if lo == 0 < hi:
            out[i, 0] = number / power
        position = np.int64(0)
        for r in range(1, hi):
            shift = np.uint64(position & 63)
            delta = np.uint64(0)
            if width:
                word = at + (position >> 6)
                delta = words[word] >> shift
                if (position & 63) + width > 64:
                    delta |= words[word + 1] << (np.uint64(64) - shift)
                delta &= mask
            number += np.int64(delta) + least[c]
            position += width
            if r >= lo:
                out[i, r - lo] = number / power
