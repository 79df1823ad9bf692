"""Finds the series and samples in the wire bytes of a remote-write request, without objects.

A series' key is a hash of its labels: of their bytes in 1.0, of the hashes of their symbols in 2.0,
where type, help and unit count too, so that new metadata makes a new key. Equal keys are taken for
equal series: with 64 bits and a seed chosen at start, a million series meet by chance once in 40
million starts.
Source: prompb/remote.proto and types.proto, prompb/io/prometheus/write/v2/types.proto.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from collector.ingest.formats.scan.wire import (
    BYTES,
    FIXED64,
    VARINT,
    field,
    hashed,
    mixed,
    short_fields,
    varint,
    word,
)
from collector.model.samples import NORMAL_NAN_BITS, STALE_BITS

FINE, MALFORMED, TOO_MANY = range(3)
"""Status of a scan; TOO_MANY: the columns are too short."""

BEGIN, END, EXTRA = range(3)
"""Columns of a series: where its message begins and ends in the body, and what else it has."""
SERIES_COLUMNS = 3
HISTOGRAMS, EXEMPLARS = 1, 2
"""Bits of EXTRA."""

_V1_SERIES, _V1_METADATA = 1, 3
_V2_SYMBOLS, _V2_SERIES = 4, 5
_V1_LABEL_TAG, _SAMPLE_TAG, _VALUE_TAG, _TIME_TAG = 0x0A, 0x12, 0x09, 0x10
"""First bytes of fields: number and wire type."""
_INF_MASK = np.uint64(0x7FF << 52)
_NO_SIGN = np.uint64((1 << 63) - 1)
_STALE = np.uint64(STALE_BITS)
_NAN = np.uint64(NORMAL_NAN_BITS)


@njit(cache=True, nogil=True)
def count_messages(body, version):  # type: ignore[no-untyped-def]
    """(status, series, symbols of 2.0 or metadata of 1.0) of a request."""
    first = _V1_SERIES if version == 1 else _V2_SERIES
    other = _V1_METADATA if version == 1 else _V2_SYMBOLS
    series, others, i = 0, 0, 0
    while i < body.size:
        number, wire, _, after = field(body, i, body.size)
        if after < 0:
            return MALFORMED, series, others
        if wire == BYTES:
            series += number == first
            others += number == other
        i = after
    return FINE, series, others


@njit(cache=True, nogil=True)
def _clean(bits):  # type: ignore[no-untyped-def]
    """A double's bits; a NaN that is no stale marker becomes the ordinary one."""
    if (bits & _NO_SIGN) > _INF_MASK and bits != _STALE:
        return _NAN
    return bits


@njit(cache=True, nogil=True)
def _plain_sample(body, i, end):  # type: ignore[no-untyped-def]
    """(a double's bits, time, offset after it) of a sample as senders write it: the value, unless
    it is zero, the time, and nothing else; the offset is -1 for any other field.

    A kernel that fills columns is not inlined, and to call one costs as much as the rest here.
    """
    bits = np.uint64(0)
    if end - i < 4 or body[i] != _SAMPLE_TAG or body[i + 1] >= 128:
        return bits, np.int64(0), -1
    k, after = i + 2, i + 2 + np.int64(body[i + 1])
    if after > end:
        return bits, np.int64(0), -1
    if after - k > 9 and body[k] == _VALUE_TAG:
        bits = _clean(word(body, k + 1))
        k += 9
    if after - k < 2 or body[k] != _TIME_TAG:
        return bits, np.int64(0), -1
    time, k = varint(body, k + 1, after)
    return bits, np.int64(time), (k if k == after else -1)


@njit(cache=True, nogil=True)
def _read_sample(body, i, end, k, times, starts, bits):  # type: ignore[no-untyped-def]
    """Fill cell k from a Sample; answers whether it is well-formed."""
    times[k] = starts[k] = 0
    bits[k] = np.uint64(0)
    while i < end:
        number, wire, begin, after = field(body, i, end)
        if after < 0:
            return False
        if number == 1 and wire == FIXED64:
            bits[k] = _clean(word(body, begin))
        elif number == 2 and wire == VARINT:
            times[k] = np.int64(varint(body, begin, after)[0])
        elif number == 3 and wire == VARINT:
            starts[k] = np.int64(varint(body, begin, after)[0])
        i = after
    return True


@njit(cache=True, nogil=True)
def scan_v1(body, seed, series, keys, owners, times, starts, bits):  # type: ignore[no-untyped-def]  # noqa: C901
    """Fill the columns from a WriteRequest of 1.0; answers (status, samples).

    body     uint8[n]
    series   int64[s, SERIES_COLUMNS], out; keys uint64[s], out: s as `count_messages` has it
    owners   int64[v], out: the series of each sample
    times, starts, bits   int64[v], int64[v] (0: unknown), uint64[v], out: of each sample
    """
    row, used, i = 0, 0, 0
    while i < body.size:
        number, wire, begin, end = field(body, i, body.size)
        if end < 0:
            return MALFORMED, used
        i = end
        if number != _V1_SERIES or wire != BYTES:
            continue
        key, labels_from, extra, k = seed, -1, 0, begin
        while k < end:
            plain, time, after = _plain_sample(body, k, end)
            if after >= 0 and used < owners.size:
                if labels_from >= 0:
                    key, labels_from = hashed(key, body, labels_from, k), -1
                owners[used], times[used], starts[used], bits[used] = row, time, 0, plain
                used, k = used + 1, after
                continue
            inner, inner_wire, inner_begin, after = field(body, k, end)
            if after < 0:
                return MALFORMED, used
            if inner == 1 and inner_wire == BYTES:
                if labels_from < 0:
                    labels_from = k
                k = short_fields(body, after, end, _V1_LABEL_TAG)
                continue
            if labels_from >= 0:
                key, labels_from = hashed(key, body, labels_from, k), -1
            if inner == 2 and inner_wire == BYTES:
                if used >= owners.size:
                    return TOO_MANY, used
                if not _read_sample(body, inner_begin, after, used, times, starts, bits):
                    return MALFORMED, used
                owners[used], starts[used] = row, 0  # 1.0 has no start times
                used += 1
            elif inner == 3 and inner_wire == BYTES:
                extra |= EXEMPLARS
            elif inner == 4 and inner_wire == BYTES:
                extra |= HISTOGRAMS
            k = after
        if labels_from >= 0:
            key = hashed(key, body, labels_from, end)
        series[row, BEGIN], series[row, END], series[row, EXTRA] = begin, end, extra
        keys[row] = key
        row += 1
    return FINE, used


@njit(cache=True, nogil=True)
def _scan_symbols(body, seed, spans, hashes):  # type: ignore[no-untyped-def]
    """Where each symbol is, and its hash; the body is known to be well-formed on this level."""
    count, i = 0, 0
    while i < body.size:
        number, wire, begin, i = field(body, i, body.size)
        if number == _V2_SYMBOLS and wire == BYTES:
            spans[count, 0], spans[count, 1] = begin, i
            hashes[count] = hashed(seed, body, begin, i)
            count += 1


@njit(cache=True, nogil=True)
def _mix_symbol(key, number, hashes):  # type: ignore[no-untyped-def]
    """The key after one more symbol; one that there is not makes a key that no series has."""
    if number >= np.uint64(hashes.size):
        return mixed(key, ~number)
    return mixed(key, hashes[number])


@njit(cache=True, nogil=True)
def _read_refs(body, i, end, key, hashes):  # type: ignore[no-untyped-def]
    """Packed symbol numbers; answers (key, ok)."""
    while i < end:
        number, i = varint(body, i, end)
        if i < 0:
            return key, False
        key = _mix_symbol(key, number, hashes)
    return key, True


@njit(cache=True, nogil=True)
def _read_metadata(body, i, end, key, hashes):  # type: ignore[no-untyped-def]
    """A Metadata message; answers (key, ok)."""
    while i < end:
        number, wire, begin, after = field(body, i, end)
        if after < 0:
            return key, False
        if wire == VARINT:
            value, _ = varint(body, begin, after)
            key = mixed(key, np.uint64(number))
            if number == 1:
                key = mixed(key, value)
            elif number in (3, 4):
                key = _mix_symbol(key, value, hashes)
        i = after
    return key, True


@njit(cache=True, nogil=True)
def scan_v2(body, seed, spans, hashes, series, keys, owners, times, starts, bits):  # type: ignore[no-untyped-def]  # noqa: C901
    """Fill the columns from a Request of 2.0; answers (status, samples).

    spans    int64[m, 2], out: where each symbol begins and ends; hashes uint64[m], out
    The others as in `scan_v1`. A symbol number that is out of range is told when labels are read.
    """
    _scan_symbols(body, seed, spans, hashes)
    row, used, i = 0, 0, 0
    while i < body.size:
        number, wire, begin, end = field(body, i, body.size)
        i = end
        if number != _V2_SERIES or wire != BYTES:
            continue
        key, note, created, extra, first, k = seed, seed, np.int64(0), 0, used, begin
        while k < end:
            plain, time, after = _plain_sample(body, k, end)
            if after >= 0 and used < owners.size:
                owners[used], times[used], starts[used], bits[used] = row, time, 0, plain
                used, k = used + 1, after
                continue
            inner, inner_wire, inner_begin, after = field(body, k, end)
            if after < 0:
                return MALFORMED, used
            fine = True
            if inner == 1 and inner_wire == BYTES:
                key, fine = _read_refs(body, inner_begin, after, key, hashes)
            elif inner == 1 and inner_wire == VARINT:
                key = _mix_symbol(key, varint(body, inner_begin, after)[0], hashes)
            elif inner == 2 and inner_wire == BYTES:
                if used >= owners.size:
                    return TOO_MANY, used
                fine = _read_sample(body, inner_begin, after, used, times, starts, bits)
                owners[used] = row
                used += 1
            elif inner == 3 and inner_wire == BYTES:
                extra |= HISTOGRAMS
            elif inner == 4 and inner_wire == BYTES:
                extra |= EXEMPLARS
            elif inner == 5 and inner_wire == BYTES:
                note, fine = _read_metadata(body, inner_begin, after, note, hashes)
            elif inner == 6 and inner_wire == VARINT:
                created = np.int64(varint(body, inner_begin, after)[0])
            if not fine:
                return MALFORMED, used
            k = after
        for sample in range(first, used):
            if starts[sample] == 0:
                starts[sample] = created
        series[row, BEGIN], series[row, END], series[row, EXTRA] = begin, end, extra
        keys[row] = mixed(key, note)
        row += 1
    return FINE, used
