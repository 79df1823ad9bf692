"""Finds the data points in the wire bytes of an OTLP metrics request, without making objects.

A point's key is a hash of what makes its series: resource, the metric's name, unit and kind, the
attributes, and for histograms and summaries the bounds. Equal keys are taken for equal series: with
64 bits and a seed chosen at start, a million series meet by chance once in 40 million starts.
Source: opentelemetry/proto/metrics/v1/metrics.proto, protobuf's encoding.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from collector.ingest.formats.scan.otlp_number import AS_DOUBLE, AS_INT, plain_number
from collector.ingest.formats.scan.wire import (
    BYTES,
    FIXED64,
    VARINT,
    field,
    hashed,
    mixed,
    varint,
    word,
)

FINE, MALFORMED, TOO_MANY = range(3)
"""Status of a scan; TOO_MANY: the columns are too short."""

NUMBER, HISTOGRAM, SUMMARY, EXPONENTIAL, EMPTY, UNCLEAR = range(6)
"""Kind of a point; EMPTY has no value that could be read, UNCLEAR is neither delta nor total."""

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

_GAUGE, _SUM, _HISTOGRAM, _EXPONENTIAL, _SUMMARY = 5, 7, 9, 10, 11
_DELTA, _CUMULATIVE = 1, 2
_NO_RECORDED_VALUE = 1
_STALE = np.uint64(0x7FF0_0000_0000_0002)
_NAN = np.uint64(0x7FF8 << 48)
_INF_MASK = np.uint64(0x7FF << 52)
_NO_SIGN = np.uint64((1 << 63) - 1)


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
        number, wire, begin, after = field(body, i, end)
        if after < 0:
            return state, False
        if number == 7 and wire == BYTES:
            state = hashed(state, body, begin, after)
        elif number == 3 and wire == FIXED64:
            row[TIME_NS] = np.int64(word(body, begin))
        elif number == 2 and wire == FIXED64:
            row[START_NS] = np.int64(word(body, begin))
        elif number == 4 and wire == FIXED64:
            out[first] = _clean(word(body, begin))
            seen = True
        elif number == 6 and wire == FIXED64:
            out[first] = _as_bits(np.float64(np.int64(word(body, begin))), cell, bits)
            seen = True
        elif number == 8 and wire == VARINT:
            flags, _ = varint(body, begin, after)
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
        number, wire, begin, after = field(body, i, end)
        if after < 0:
            return state, False
        if number == 9 and wire == BYTES:
            state = hashed(state, body, begin, after)
        elif number == 3 and wire == FIXED64:
            row[TIME_NS] = np.int64(word(body, begin))
        elif number == 2 and wire == FIXED64:
            row[START_NS] = np.int64(word(body, begin))
        elif number == 4 and wire == FIXED64:
            count = word(body, begin)
        elif number == 5 and wire == FIXED64:
            total, has_sum = _clean(word(body, begin)), True
        elif number == 6 and wire in (BYTES, FIXED64):
            if (after - begin) % 8:
                return state, False
            for k in range(begin, after, 8):
                if used >= out.size - 3:
                    row[COUNT] = out.size
                    return state, True
                running += np.float64(word(body, k))
                out[used] = _as_bits(running, cell, bits)
                used += 1
                buckets += 1
        elif number == 7 and wire in (BYTES, FIXED64):
            if (after - begin) % 8:
                return state, False
            bounds += (after - begin) // 8
            state = hashed(state, body, begin, after)
        elif number == 10 and wire == VARINT:
            flags, _ = varint(body, begin, after)
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
    state = mixed(state, np.uint64(buckets * 2 + has_sum))
    return state, True


@njit(cache=True, nogil=True)
def _read_exponential(body, i, end, state, row):  # type: ignore[no-untyped-def]
    """An ExponentialHistogramDataPoint: its times and key only; answers (key, ok)."""
    while i < end:
        number, wire, begin, after = field(body, i, end)
        if after < 0:
            return state, False
        if number == 1 and wire == BYTES:
            state = hashed(state, body, begin, after)
        elif number == 3 and wire == FIXED64:
            row[TIME_NS] = np.int64(word(body, begin))
        elif number == 2 and wire == FIXED64:
            row[START_NS] = np.int64(word(body, begin))
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
        number, wire, begin, after = field(body, i, end)
        if after < 0:
            return state, False
        if number == 7 and wire == BYTES:
            state = hashed(state, body, begin, after)
        elif number == 3 and wire == FIXED64:
            row[TIME_NS] = np.int64(word(body, begin))
        elif number == 2 and wire == FIXED64:
            row[START_NS] = np.int64(word(body, begin))
        elif number == 4 and wire == FIXED64:
            count = word(body, begin)
        elif number == 5 and wire == FIXED64:
            total = _clean(word(body, begin))
        elif number == 6 and wire == BYTES:
            if used >= out.size - 3:
                row[COUNT] = out.size
                return state, True
            quantile, value = np.uint64(0), np.uint64(0)
            k = begin
            while k < after:
                inner, inner_wire, inner_begin, inner_after = field(body, k, after)
                if inner_after < 0:
                    return state, False
                if inner == 1 and inner_wire == FIXED64:
                    quantile = word(body, inner_begin)
                elif inner == 2 and inner_wire == FIXED64:
                    value = _clean(word(body, inner_begin))
                k = inner_after
            state = mixed(state, quantile)
            out[used] = value
            used += 1
        elif number == 8 and wire == VARINT:
            flags, _ = varint(body, begin, after)
        i = after
    out[used] = _as_bits(np.float64(count), cell, bits)
    out[used + 1] = total
    row[COUNT] = used + 2 - first
    if flags & np.uint64(_NO_RECORDED_VALUE):
        out[first : first + row[COUNT]] = _STALE
    return mixed(state, np.uint64(used - first)), True


@njit(cache=True, nogil=True)
def _scan_data(body, i, end, kind, state, head, points, keys, count, out, used, cell):  # type: ignore[no-untyped-def]  # noqa: C901
    """The points of one Gauge, Sum, Histogram…: answers (status, points, values)."""
    temporality, monotonic = np.uint64(0), np.uint64(0)
    k = i
    while k < end:
        number, wire, begin, after = field(body, k, end)
        if after < 0:
            return MALFORMED, count, used
        if number == 2 and wire == VARINT:
            temporality, _ = varint(body, begin, after)
        elif number == 3 and wire == VARINT:
            monotonic, _ = varint(body, begin, after)
        k = after
    state = mixed(state, (temporality << np.uint64(8)) | monotonic)
    counting = kind in (_SUM, _HISTOGRAM, _EXPONENTIAL)
    is_delta = temporality == np.uint64(_DELTA)
    unclear = counting and not is_delta and temporality != np.uint64(_CUMULATIVE)
    ordinal, floats = 0, out.view(np.float64)
    while i < end:
        number, wire, begin, after = field(body, i, end)
        if number != 1 or wire != BYTES:
            i = after
            continue
        if count >= points.shape[0] or used >= out.size - 3:
            return TOO_MANY, count, used
        row = points[count]
        row[:] = head
        row[DELTA] = counting and is_delta
        row[ORDINAL], row[FIRST] = ordinal, used
        fine, key = True, state
        if kind in (_GAUGE, _SUM):
            row[KIND], row[COUNT] = NUMBER, 1
            which, value, row[START_NS], row[TIME_NS], key = plain_number(body, begin, after, state)
            if which == AS_DOUBLE:
                out[used] = _clean(value)
            elif which == AS_INT:
                floats[used] = np.float64(np.int64(value))
            else:
                row[START_NS] = row[TIME_NS] = 0
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
        if unclear:
            row[KIND], row[COUNT], row[EXEMPLARS] = UNCLEAR, 0, 0
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
        number, wire, begin, after = field(body, i, end)
        if after < 0:
            return MALFORMED, count, used
        if wire == BYTES:
            if number == 1:
                name = hashed(state, body, begin, after)
            elif number == 3:
                unit = hashed(state, body, begin, after)
            elif number in (_GAUGE, _SUM, _HISTOGRAM, _EXPONENTIAL, _SUMMARY):
                if kind:
                    # two data fields: legal for protobuf (they merge), written by nobody
                    return MALFORMED, count, used
                kind, data_begin, data_end = number, begin, after
        i = after
    if not kind:
        return FINE, count, used
    state = mixed(mixed(mixed(state, name), unit), np.uint64(kind))
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
        number, wire, begin, after = field(body, i, end)
        if after < 0:
            return MALFORMED, count, used
        i = after
        if number != 1 or wire != BYTES:
            continue
        head[RESOURCE_BEGIN] = head[RESOURCE_END] = 0
        k, state = begin, seed
        while k < after:
            inner, inner_wire, inner_begin, inner_after = field(body, k, after)
            if inner_after < 0:
                return MALFORMED, count, used
            if inner == 1 and inner_wire == BYTES:
                head[RESOURCE_BEGIN], head[RESOURCE_END] = inner_begin, inner_after
                state = hashed(seed, body, inner_begin, inner_after)
            k = inner_after
        head[RESOURCE_NUMBER] = resources
        resources += 1
        k = begin
        while k < after:
            inner, inner_wire, inner_begin, inner_after = field(body, k, after)
            k = inner_after
            if inner != 2 or inner_wire != BYTES:
                continue
            m = inner_begin
            while m < inner_after:
                deep, deep_wire, deep_begin, deep_after = field(body, m, inner_after)
                if deep_after < 0:
                    return MALFORMED, count, used
                m = deep_after
                if deep == 2 and deep_wire == BYTES:
                    status, count, used = _scan_metric(
                        body, deep_begin, deep_after, state, head, points, keys, count, out, used,
                        cell,
                    )  # fmt: skip
                    if status != FINE:
                        return status, count, used
    return FINE, count, used
