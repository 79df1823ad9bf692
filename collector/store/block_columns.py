"""The values of a block's series as the whole numbers that compress best, and back, exactly.

A series whose every sample is an integer after multiplication with the same 10**exponent becomes
the differences of those integers; the first one stands whole. Counters grow by little, so the
differences fill one or two bytes, which a byte-wise split hands to the entropy coder together.
Stale markers are no numbers: their rows differ by nothing and are listed apart. Any other series
(full mantissas, NaN, Inf, -0.0) stays float64.

Source of the decimal idea: ALP, Afroozeh, Kuffó, Boncz, SIGMOD 2024 (as in `chunk_codec`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from collector.model.samples import MISSING_BITS, STALE_BITS, Float64s, Int64s
from collector.store.chunk_codec import MAX_EXPONENT, POWERS, exact
from collector.store.narrow import KINDS, as_they_are

RAW = 255
"""In place of an exponent: the series is no whole numbers."""


def exponents(values: Float64s) -> Int64s:
    """The exponent of each row of float64[n, t] (missing and stale cells apart), or RAW."""
    return np.asarray(_exponents(values, values.view(np.int64), POWERS))


def to_deltas(
    values: Float64s, exponent: Int64s, starts: Int64s, out: Int64s, stale: Int64s
) -> int:
    """Put the differences of each row's samples into `out[starts[i]:]`; MISSING cells are left out.

    Rows whose exponent is RAW are skipped. `stale` (room for every sample) gets the positions in
    `out` of stale markers; their number is the answer.
    """
    bits = values.view(np.int64)
    count: int = _to_deltas(values, bits, POWERS, exponent, starts, out, stale)
    return count


def to_floats(values: Float64s, exponent: Int64s, starts: Int64s, out: Float64s) -> None:
    """Put the samples of the rows whose exponent is RAW into `out[starts[i]:]`."""
    _to_floats(values.view(np.int64), exponent, starts, out.view(np.int64))


@njit(cache=True, nogil=True)
def _exponents(values, bits, powers):  # type: ignore[no-untyped-def]
    count, length = values.shape
    out = np.zeros(count, np.int64)
    for i in range(count):
        exponent = 0
        j = 0
        while j < length and exponent <= MAX_EXPONENT:
            no_number = bits[i, j] == STALE_BITS or bits[i, j] == MISSING_BITS
            if no_number or exact(values[i, j], powers[exponent])[1]:
                j += 1
            else:
                exponent += 1
        whole = exponent <= MAX_EXPONENT
        if exponent and whole:  # what fits fewer decimals may not fit more
            for j in range(length):
                if bits[i, j] != STALE_BITS and bits[i, j] != MISSING_BITS:
                    whole = whole and exact(values[i, j], powers[exponent])[1]
        out[i] = exponent if whole else RAW
    return out


@njit(cache=True, nogil=True)
def _to_deltas(values, bits, powers, exponent, starts, out, stale):  # type: ignore[no-untyped-def]
    found = 0
    for i in range(values.shape[0]):
        if exponent[i] == RAW:
            continue
        power = powers[exponent[i]]
        before = np.int64(0)
        at = starts[i]
        for j in range(values.shape[1]):
            if bits[i, j] == MISSING_BITS:
                continue
            if bits[i, j] == STALE_BITS:
                out[at] = 0
                stale[found] = at
                found += 1
            else:
                number = exact(values[i, j], power)[0]
                out[at] = number - before
                before = number
            at += 1
    return found


@njit(cache=True, nogil=True)
def _to_floats(bits, exponent, starts, out):  # type: ignore[no-untyped-def]
    for i in range(bits.shape[0]):
        if exponent[i] == RAW:
            at = starts[i]
            for j in range(bits.shape[1]):
                if bits[i, j] != MISSING_BITS:
                    out[at] = bits[i, j]
                    at += 1


@njit(cache=True, nogil=True)
def sum_deltas(  # type: ignore[no-untyped-def]
    deltas, at, wide, first_row, powers, some, starts, exponents, los, counts, into, out
):
    """For each run of `some`: samples `los[i]` up to `los[i] + counts[i]` of the series whose first
    row is `starts[i]`, into `out[into[i]:]` (flat float64). `deltas`, `at`, `wide` are the arrays
    of a `Narrow` that begins at row `first_row`.
    """
    for i in some:
        power = powers[exponents[i]]
        row = starts[i] - first_row
        lo, end = los[i], los[i] + counts[i]
        to = into[i] - lo
        k = np.searchsorted(at, row)
        number = np.int64(0)
        j = np.int64(0)
        while True:
            stop = min(end, at[k] - row) if k < len(at) else end
            while j < min(stop, lo):
                number += np.int64(deltas[row + j])
                j += 1
            if exponents[i] == 0:
                for n in range(j, stop):
                    number += np.int64(deltas[row + n])
                    out[to + n] = np.float64(number)
            else:
                for n in range(j, stop):
                    number += np.int64(deltas[row + n])
                    out[to + n] = np.float64(number) / power
            if stop == end:
                break
            j = stop
            number += wide[k]  # what `deltas` has here is 0
            k += 1


@njit(cache=True, nogil=True)
def copy_floats(values, first_row, some, starts, los, counts, into, out):  # type: ignore[no-untyped-def]
    """The same for values (float64 as their bits) that are no differences."""
    for i in some:
        row = starts[i] + los[i] - first_row
        for j in range(counts[i]):
            out[into[i] + j] = values[row + j]


def warm_up() -> None:
    """Compile every kernel for the arrays that it will get."""
    some, none = np.zeros(1, np.int64), np.zeros(0, np.int64)
    values = np.ones((1, 2))
    out, flat = np.zeros(2, np.int64), np.zeros(2)
    exponent = exponents(values)
    to_deltas(values, exponent, some, out, np.zeros(2, np.int64))
    to_floats(values, exponent, some, flat)
    out.flags.writeable = False
    runs = (some, some, np.ones(1, np.int64), some)
    for kind in (*KINDS, np.int64):
        deltas = as_they_are(out.astype(kind))
        exponent = np.zeros(1, np.uint8)
        given = (deltas.values, deltas.at, deltas.wide, 0, POWERS, some, some, exponent)
        sum_deltas(*given, *runs[1:], flat)
    copy_floats(out, 0, none, *runs, np.zeros(2, np.int64))
