"""Finds the data points in the wire bytes of an OTLP metrics request, without making objects.

A point's key is a hash of what makes its series: resource, the metric's name, unit and kind, the
attributes, and for histograms and summaries the bounds. Equal keys are taken for equal series: with
64 bits and a seed chosen at start, a million series meet by chance once in 40 million starts.
Source: opentelemetry/proto/metrics/v1/metrics.proto, protobuf's encoding.
"""

from __future__ import annotations

import numpy as np
from numba import njit

FINE, MALFORMED, TOO_MANY = range(3)
"""Status of a scan; TOO_MANY: the columns are too short."""

NUMBER, HISTOGRAM, SUMMARY, EXPONENTIAL, EMPTY = range(5)
"""Kind of a point; EMPTY has no value that could be read."""

(
    KIND,
    DELTA,
    RESOURCE_BEGIN,
    RESOURCE_END,
    METRIC_BEGIN,
    METRIC_END,
    ORDINAL,
    FIRST,
    COUNT,
    TIME_NS,
    START_NS,
    RESOURCE_NUMBER,
    EXEMPLARS,
) = range(13)
"""Columns of a point: see `scan_points`."""
POINT_COLUMNS = 13

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_GAUGE, _SUM, _HISTOGRAM, _EXPONENTIAL, _SUMMARY = 5, 7, 9, 10, 11
_NO_RECORDED_VALUE = 1
_C1 = np.uint64(0x87C37B91114253D5)
_C2 = np.uint64(0x4CF5AD432745937F)
_C3 = np.uint64(0xFF51AFD7ED558CCD)
_STALE = np.uint64(0x7FF0_0000_0000_0002)
_NAN = np.uint64(0x7FF8 << 48)
_INF_MASK = np.uint64(0x7FF << 52)
_NO_SIGN = np.uint64((1 << 63) - 1)


@njit(cache=True, nogil=True)
def _word(body, i):  # type: ignore[no-untyped-def]
    """Eight bytes, little-endian."""
    word = np.uint64(0)
    for k in range(8):
        word |= np.uint64(body[i + k]) << np.uint64(8 * k)
    return word


@njit(cache=True, nogil=True)
def _mixed(state, word):  # type: ignore[no-untyped-def]
    word *= _C1
    word = (word << np.uint64(31)) | (word >> np.uint64(33))
    state ^= word * _C2
    state = (state << np.uint64(27)) | (state >> np.uint64(37))
    return state * np.uint64(5) + np.uint64(0x52DCE729)


@njit(cache=True, nogil=True)
def _hashed(state, body, begin, end):  # type: ignore[no-untyped-def]
    """The state after `body[begin:end]` and its length."""
    i = begin
    while i + 8 <= end:
        state = _mixed(state, _word(body, i))
        i += 8
    rest = np.uint64(0)
    if end - begin >= 8:
        # the last word, some of it for the second time: cheaper than byte by byte
        rest = _word(body, end - 8)
    else:
        while i < end:
            rest = (rest << np.uint64(8)) | np.uint64(body[i])
            i += 1
    state = _mixed(_mixed(state, rest), np.uint64(end - begin))
    return (state ^ (state >> np.uint64(33))) * _C3


@njit(cache=True, nogil=True)
def _varint(body, i, end):  # type: ignore[no-untyped-def]
    """(value, offset after it); the offset is -1 when it does not end."""
    value, shift = np.uint64(0), 0
    while i < end and shift < 70:
        byte = body[i]
        value |= np.uint64(byte & 127) << np.uint64(shift)
        i += 1
        if byte < 128:
            return value, i
        shift += 7
    return value, -1


@njit(cache=True, nogil=True)
def _field(body, i, end):  # type: ignore[no-untyped-def]
    """(field number, wire type, begin of the payload, its end); the end is -1 when malformed."""
    if i < end and 8 <= body[i] < 128:
        # nearly every tag is one byte, and so are most lengths
        tag = np.uint64(body[i])
        i += 1
    else:
        tag, i = _varint(body, i, end)
    if i < 0 or tag >> np.uint64(3) == 0 or tag >> np.uint64(32) != 0:
        return 0, 0, 0, -1
    number, wire = np.int64(tag >> np.uint64(3)), np.int64(tag & np.uint64(7))
    if wire == _VARINT:
        _, after = _varint(body, i, end)
        return number, wire, i, after
    if wire == _FIXED64:
        return number, wire, i, (i + 8 if i + 8 <= end else -1)
    if wire == _FIXED32:
        return number, wire, i, (i + 4 if i + 4 <= end else -1)
    if wire == _BYTES:
        if i < end and body[i] < 128:
            length = np.uint64(body[i])
            i += 1
        else:
            length, i = _varint(body, i, end)
        if i < 0 or length > np.uint64(end - i):
            return number, wire, 0, -1
        return number, wire, i, i + np.int64(length)
    return number, wire, 0, -1


@njit(cache=True, nogil=True)
def _clean(bits):  # type: ignore[no-untyped-def]
    """A double's bits; any NaN becomes the ordinary one, so that none is taken for a marker."""
    return _NAN if (bits & _NO_SIGN) > _INF_MASK else bits


@njit(cache=True, nogil=True)
def _as_bits(number, cell, bits):  # type: ignore[no-untyped-def]
    cell[0] = number
    return bits[0]


@njit(cache=True, nogil=True)
def _read_number(body, i, end, state, row, out, first, cell):  # type: ignore[no-untyped-def]
    """A NumberDataPoint: answers (key, ok)."""
    bits = cell.view(np.uint64)
    seen, flags = False, np.uint64(0)
    while i < end:
        number, wire, begin, after = _field(body, i, end)
        if after < 0:
            return state, False
        if number == 7 and wire == _BYTES:
            state = _hashed(state, body, begin, after)
        elif number == 3 and wire == _FIXED64:
            row[TIME_NS] = np.int64(_word(body, begin))
        elif number == 2 and wire == _FIXED64:
            row[START_NS] = np.int64(_word(body, begin))
        elif number == 4 and wire == _FIXED64:
            out[first] = _clean(_word(body, begin))
            seen = True
        elif number == 6 and wire == _FIXED64:
            out[first] = _as_bits(np.float64(np.int64(_word(body, begin))), cell, bits)
            seen = True
        elif number == 8 and wire == _VARINT:
            flags, _ = _varint(body, begin, after)
        elif number == 5:
            row[EXEMPLARS] = 1
        i = after
    row[COUNT] = 1
    if flags & np.uint64(_NO_RECORDED_VALUE):
        out[first] = _STALE
    elif not seen:
        row[KIND], row[COUNT] = EMPTY, 0
    return state, True


@njit(cache=True, nogil=True)
def _read_histogram(body, i, end, state, row, out, first, cell):  # type: ignore[no-untyped-def]  # noqa: C901
    """A HistogramDataPoint: running bucket counts with +Inf, count, sum; answers (key, ok)."""
    bits = cell.view(np.uint64)
    flags, count = np.uint64(0), np.uint64(0)
    total, has_sum, buckets, bounds, used = np.uint64(0), False, 0, 0, first
    running = 0.0
    while i < end:
        number, wire, begin, after = _field(body, i, end)
        if after < 0:
            return state, False
        if number == 9 and wire == _BYTES:
            state = _hashed(state, body, begin, after)
        elif number == 3 and wire == _FIXED64:
            row[TIME_NS] = np.int64(_word(body, begin))
        elif number == 2 and wire == _FIXED64:
            row[START_NS] = np.int64(_word(body, begin))
        elif number == 4 and wire == _FIXED64:
            count = _word(body, begin)
        elif number == 5 and wire == _FIXED64:
            total, has_sum = _clean(_word(body, begin)), True
        elif number == 6 and wire in (_BYTES, _FIXED64):
            if (after - begin) % 8:
                return state, False
            for k in range(begin, after, 8):
                if used >= out.size - 3:
                    row[COUNT] = out.size
                    return state, True
                running += np.float64(_word(body, k))
                out[used] = _as_bits(running, cell, bits)
                used += 1
                buckets += 1
        elif number == 7 and wire in (_BYTES, _FIXED64):
            if (after - begin) % 8:
                return state, False
            bounds += (after - begin) // 8
            state = _hashed(state, body, begin, after)
        elif number == 10 and wire == _VARINT:
            flags, _ = _varint(body, begin, after)
        elif number == 8:
            row[EXEMPLARS] = 1
        i = after
    if buckets != 0 and buckets != bounds + 1:
        row[KIND], row[COUNT] = EMPTY, 0
        return state, True
    counted = _as_bits(np.float64(count), cell, bits)
    last = first + max(buckets, 1)
    out[last - 1] = out[last] = counted
    if has_sum:
        out[last + 1] = total
    row[COUNT] = last - first + (2 if has_sum else 1)
    if flags & np.uint64(_NO_RECORDED_VALUE):
        out[first : first + row[COUNT]] = _STALE
    state = _mixed(state, np.uint64(buckets * 2 + has_sum))
    return state, True


@njit(cache=True, nogil=True)
def _read_exponential(body, i, end, state, row):  # type: ignore[no-untyped-def]
    """An ExponentialHistogramDataPoint: its times and key only; answers (key, ok)."""
    while i < end:
        number, wire, begin, after = _field(body, i, end)
        if after < 0:
            return state, False
        if number == 1 and wire == _BYTES:
            state = _hashed(state, body, begin, after)
        elif number == 3 and wire == _FIXED64:
            row[TIME_NS] = np.int64(_word(body, begin))
        elif number == 2 and wire == _FIXED64:
            row[START_NS] = np.int64(_word(body, begin))
        elif number == 11:
            row[EXEMPLARS] = 1
        i = after
    row[COUNT] = 0
    return state, True


@njit(cache=True, nogil=True)
def _read_summary(body, i, end, state, row, out, first, cell):  # type: ignore[no-untyped-def]  # noqa: C901
    """A SummaryDataPoint: the quantiles, count, sum; answers (key, ok)."""
    bits = cell.view(np.uint64)
    flags, count, total, used = np.uint64(0), np.uint64(0), np.uint64(0), first
    while i < end:
        number, wire, begin, after = _field(body, i, end)
        if after < 0:
            return state, False
        if number == 7 and wire == _BYTES:
            state = _hashed(state, body, begin, after)
        elif number == 3 and wire == _FIXED64:
            row[TIME_NS] = np.int64(_word(body, begin))
        elif number == 2 and wire == _FIXED64:
            row[START_NS] = np.int64(_word(body, begin))
        elif number == 4 and wire == _FIXED64:
            count = _word(body, begin)
        elif number == 5 and wire == _FIXED64:
            total = _clean(_word(body, begin))
        elif number == 6 and wire == _BYTES:
            if used >= out.size - 3:
                row[COUNT] = out.size
                return state, True
            quantile, value = np.uint64(0), np.uint64(0)
            k = begin
            while k < after:
                inner, inner_wire, inner_begin, inner_after = _field(body, k, after)
                if inner_after < 0:
                    return state, False
                if inner == 1 and inner_wire == _FIXED64:
                    quantile = _word(body, inner_begin)
                elif inner == 2 and inner_wire == _FIXED64:
                    value = _clean(_word(body, inner_begin))
                k = inner_after
            state = _mixed(state, quantile)
            out[used] = value
            used += 1
        elif number == 8 and wire == _VARINT:
            flags, _ = _varint(body, begin, after)
        i = after
    out[used] = _as_bits(np.float64(count), cell, bits)
    out[used + 1] = total
    row[COUNT] = used + 2 - first
    if flags & np.uint64(_NO_RECORDED_VALUE):
        out[first : first + row[COUNT]] = _STALE
    return _mixed(state, np.uint64(used - first)), True


@njit(cache=True, nogil=True)
def _scan_data(body, i, end, kind, state, head, points, keys, count, out, used, cell):  # type: ignore[no-untyped-def]  # noqa: C901
    """The points of one Gauge, Sum, Histogram…: answers (status, points, values)."""
    temporality, monotonic = np.uint64(0), np.uint64(0)
    k = i
    while k < end:
        number, wire, begin, after = _field(body, k, end)
        if after < 0:
            return MALFORMED, count, used
        if number == 2 and wire == _VARINT:
            temporality, _ = _varint(body, begin, after)
        elif number == 3 and wire == _VARINT:
            monotonic, _ = _varint(body, begin, after)
        k = after
    state = _mixed(state, (temporality << np.uint64(8)) | monotonic)
    ordinal = 0
    while i < end:
        number, wire, begin, after = _field(body, i, end)
        if number != 1 or wire != _BYTES:
            i = after
            continue
        if count >= points.shape[0] or used >= out.size - 3:
            return TOO_MANY, count, used
        row = points[count]
        row[:] = head
        row[DELTA] = kind in (_SUM, _HISTOGRAM, _EXPONENTIAL) and temporality == np.uint64(1)
        row[ORDINAL], row[FIRST] = ordinal, used
        fine, key = True, state
        if kind in (_GAUGE, _SUM):
            row[KIND] = NUMBER
            key, fine = _read_number(body, begin, after, state, row, out, used, cell)
        elif kind == _HISTOGRAM:
            row[KIND] = HISTOGRAM
            key, fine = _read_histogram(body, begin, after, state, row, out, used, cell)
        elif kind == _SUMMARY:
            row[KIND] = SUMMARY
            key, fine = _read_summary(body, begin, after, state, row, out, used, cell)
        else:
            row[KIND] = EXPONENTIAL
            key, fine = _read_exponential(body, begin, after, state, row)
        if not fine:
            return MALFORMED, count, used
        if kind == _GAUGE or (kind == _SUM and monotonic == np.uint64(0)):
            row[START_NS] = 0
        if used + row[COUNT] >= out.size - 3:
            return TOO_MANY, count, used
        keys[count] = key
        used += row[COUNT]
        count += 1
        ordinal += 1
        i = after
    return FINE, count, used


@njit(cache=True, nogil=True)
def _scan_metric(body, i, end, state, head, points, keys, count, out, used, cell):  # type: ignore[no-untyped-def]
    kind, data_begin, data_end = 0, 0, 0
    head[METRIC_BEGIN], head[METRIC_END] = i, end
    name, unit = np.uint64(0), np.uint64(0)
    while i < end:
        number, wire, begin, after = _field(body, i, end)
        if after < 0:
            return MALFORMED, count, used
        if wire == _BYTES:
            if number == 1:
                name = _hashed(state, body, begin, after)
            elif number == 3:
                unit = _hashed(state, body, begin, after)
            elif number in (_GAUGE, _SUM, _HISTOGRAM, _EXPONENTIAL, _SUMMARY):
                if kind:
                    # two data fields: legal for protobuf (they merge), written by nobody
                    return MALFORMED, count, used
                kind, data_begin, data_end = number, begin, after
        i = after
    if not kind:
        return FINE, count, used
    state = _mixed(_mixed(_mixed(state, name), unit), np.uint64(kind))
    return _scan_data(
        body, data_begin, data_end, kind, state, head, points, keys, count, out, used, cell
    )


@njit(cache=True, nogil=True)
def scan_points(body, seed, points, keys, out, cell):  # type: ignore[no-untyped-def]  # noqa: C901
    """Fill the columns from an ExportMetricsServiceRequest; answers (status, points, values).

    body     uint8[n]
    points   int64[p, POINT_COLUMNS], out: kind, 1 when delta, where resource and metric begin and
             end in the body, which point of the metric it is, its first value and how many values,
             time and start in ns, number of the resource, 1 when it has exemplars
    keys     uint64[p], out
    out      uint64[v], out: bits of the values; cell float64[1] is scratch
    """
    head = np.zeros(POINT_COLUMNS, dtype=np.int64)
    count, used, i, end, resources = 0, 0, 0, body.size, 0
    while i < end:
        number, wire, begin, after = _field(body, i, end)
        if after < 0:
            return MALFORMED, count, used
        i = after
        if number != 1 or wire != _BYTES:
            continue
        head[RESOURCE_BEGIN] = head[RESOURCE_END] = 0
        k, state = begin, seed
        while k < after:
            inner, inner_wire, inner_begin, inner_after = _field(body, k, after)
            if inner_after < 0:
                return MALFORMED, count, used
            if inner == 1 and inner_wire == _BYTES:
                head[RESOURCE_BEGIN], head[RESOURCE_END] = inner_begin, inner_after
                state = _hashed(seed, body, inner_begin, inner_after)
            k = inner_after
        head[RESOURCE_NUMBER] = resources
        resources += 1
        k = begin
        while k < after:
            inner, inner_wire, inner_begin, inner_after = _field(body, k, after)
            k = inner_after
            if inner != 2 or inner_wire != _BYTES:
                continue
            m = inner_begin
            while m < inner_after:
                deep, deep_wire, deep_begin, deep_after = _field(body, m, inner_after)
                if deep_after < 0:
                    return MALFORMED, count, used
                m = deep_after
                if deep == 2 and deep_wire == _BYTES:
                    status, count, used = _scan_metric(
                        body, deep_begin, deep_after, state, head, points, keys, count, out, used,
                        cell,
                    )  # fmt: skip
                    if status != FINE:
                        return status, count, used
    return FINE, count, used
