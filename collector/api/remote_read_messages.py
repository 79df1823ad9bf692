"""Bytes of remote read: the request, and the answer in its two forms.

`sampled` is a snappy block with every sample as it is; `streamed` are frames with XOR chunks, each
with its length and checksum. Source: prompb/remote.proto and storage/remote/chunked.go.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cramjam
import numpy as np
from google.protobuf.message import DecodeError

from collector.api.stored_series import StoredSeries
from collector.api.xor_chunks import SAMPLES_PER_CHUNK, crc32c, encode
from collector.ingest.formats.histogram_wire import write_spans
from collector.ingest.formats.protobuf_schema import message_classes
from collector.model.errors import InputError, LimitError
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.model.matchers import Matcher, MatchKind
from collector.model.samples import Int64s

MAX_REQUEST_BYTES = 32 * 1024 * 1024
"""Of a request, unpacked: Prometheus's own limit, as is the next."""
MAX_FRAME_BYTES = 1024 * 1024
SAMPLES, STREAMED_XOR_CHUNKS = 0, 1
_KINDS: tuple[MatchKind, ...] = ("=", "!=", "=~", "!~")
_XOR = 1
_VARINT, _DOUBLE = 0, 1

MESSAGES = message_classes(
    "tocsin.remote_read",
    """
    ReadRequest: Query* queries=1, int32* accepted_response_types=2
    Query: int64 start_timestamp_ms=1, int64 end_timestamp_ms=2, LabelMatcher* matchers=3
    LabelMatcher: int32 type=1, string name=2, string value=3
    Label: string name=1, string value=2
    Labels: Label* labels=1
    Span: sint32 offset=1, uint32 length=2
    Histogram: double? count_float=2, double sum=3, sint32 schema=4, double zero_threshold=5,\
 double? zero_count_float=7, Span* negative_spans=8, double* negative_counts=10,\
 Span* positive_spans=11, double* positive_counts=13, int32 reset_hint=14, int64 timestamp=15,\
 double* custom_values=16
    """,
)


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """One selection: samples in `[start_ms, end_ms]` of the series that satisfy all matchers."""

    start_ms: int
    end_ms: int
    matchers: tuple[Matcher, ...]


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """What is asked for, and in which forms the answer may come."""

    queries: tuple[ReadQuery, ...]
    accepted: tuple[int, ...]

    @property
    def wants_stream(self) -> bool:
        """Whether chunks are the first form that both sides know; samples are the default."""
        known = [one for one in self.accepted if one in (SAMPLES, STREAMED_XOR_CHUNKS)]
        return bool(known) and known[0] == STREAMED_XOR_CHUNKS


def read_request(body: bytes) -> ReadRequest:
    """The request in a snappy block. Raises InputError for anything else."""
    try:
        if cramjam.snappy.decompress_raw_len(body) > MAX_REQUEST_BYTES:
            raise LimitError(f"the request is larger than {MAX_REQUEST_BYTES:,} bytes")
        message = MESSAGES["ReadRequest"].FromString(bytes(cramjam.snappy.decompress_raw(body)))
    except (cramjam.DecompressionError, DecodeError, ValueError) as error:
        raise InputError(f"not a read request in a snappy block: {error}") from error
    queries = tuple(_query(one) for one in message.queries)
    return ReadRequest(queries, tuple(message.accepted_response_types))


def _query(message: Any) -> ReadQuery:
    matchers = []
    for one in message.matchers:
        if not 0 <= one.type < len(_KINDS):
            raise InputError(f"a matcher has the unknown type {one.type}")
        matchers.append(Matcher(_KINDS[one.type], one.name, one.value))
    return ReadQuery(message.start_timestamp_ms, message.end_timestamp_ms, tuple(matchers))


def sampled(results: Sequence[Sequence[StoredSeries]]) -> bytes:
    """A ReadResponse in a snappy block: a QueryResult for each query."""
    body = b"".join(
        _field(1, b"".join(_field(1, _time_series(one)) for one in series)) for series in results
    )
    return bytes(cramjam.snappy.compress_raw(body))


def streamed(results: Sequence[Sequence[StoredSeries]]) -> Iterator[bytes]:
    """Frames, each a ChunkedReadResponse with chunks of one series."""
    for number, series in enumerate(results):
        for one in series:
            yield from _frames(one, number)


def _frames(series: StoredSeries, number: int) -> Iterator[bytes]:
    head = _labels(series.labels)
    waiting: list[bytes] = []
    size = len(head)
    for start in range(0, len(series.times_ms), SAMPLES_PER_CHUNK):
        part = slice(start, start + SAMPLES_PER_CHUNK)
        chunk = _field(2, _chunk(series.times_ms[part], series.values[part]))
        waiting.append(chunk)
        size += len(chunk)
        if size >= MAX_FRAME_BYTES:
            yield _frame(head + b"".join(waiting), number)
            waiting, size = [], len(head)
    if waiting:
        yield _frame(head + b"".join(waiting), number)


def _frame(chunked_series: bytes, number: int) -> bytes:
    data = _field(1, chunked_series) + (_varint_field(2, number) if number else b"")
    return _varint(len(data)) + struct.pack(">I", crc32c(data)) + data


def _chunk(times_ms: Int64s, values: Any) -> bytes:
    return (
        _varint_field(1, int(times_ms[0]))
        + _varint_field(2, int(times_ms[-1]))
        + _varint_field(3, _XOR)
        + _field(4, encode(times_ms, values))
    )


def _time_series(series: StoredSeries) -> bytes:
    histograms = b"".join(_field(4, _histogram(*sample)) for sample in series.histograms)
    return _labels(series.labels) + _samples(series) + histograms


def _labels(labels: Labels) -> bytes:
    pairs = [{"name": name, "value": _text(value)} for name, value in labels.pairs]
    data: bytes = MESSAGES["Labels"](labels=pairs).SerializeToString()
    return data


def _text(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _samples(series: StoredSeries) -> bytes:
    """Every sample as a field 2, in runs whose times take as many bytes as varints."""
    times = series.times_ms.view(np.uint64)
    widths = np.ones(len(times), np.int64)
    for count in range(1, 10):
        widths += times >= np.uint64(1 << 7 * count)
    bounds = [0, *(np.flatnonzero(np.diff(widths)) + 1).tolist(), len(times)]
    return b"".join(
        _run(times[low:high], series.values[low:high], int(widths[low]))
        for low, high in pairwise(bounds)
        if high > low
    )


def _run(times: Any, values: Any, width: int) -> bytes:
    out = np.empty((len(times), 12 + width), np.uint8)
    out[:, 0], out[:, 1] = _tag(2, 2), 10 + width
    out[:, 2] = _tag(1, _DOUBLE)
    out[:, 3:11] = np.ascontiguousarray(values).view(np.uint8).reshape(-1, 8)
    out[:, 11] = _tag(2, _VARINT)
    for place in range(width):
        more = 0x80 if place < width - 1 else 0
        out[:, 12 + place] = (times >> np.uint64(7 * place)) & np.uint64(0x7F) | np.uint64(more)
    return out.tobytes()


def _histogram(time_ms: int, sample: NativeHistogram | float) -> bytes:
    kind = MESSAGES["Histogram"]
    if not isinstance(sample, NativeHistogram):
        stale: bytes = kind(count_float=0.0, sum=sample, timestamp=time_ms).SerializeToString()
        return stale
    whole: bytes = kind(
        count_float=sample.count,
        sum=sample.sum,
        schema=sample.schema,
        zero_threshold=sample.zero_threshold,
        zero_count_float=sample.zero_count,
        negative_spans=[{"offset": o, "length": n} for o, n in write_spans(sample.negative)],
        negative_counts=[count for _, count in sample.negative],
        positive_spans=[{"offset": o, "length": n} for o, n in write_spans(sample.positive)],
        positive_counts=[count for _, count in sample.positive],
        reset_hint=int(sample.reset_hint),
        timestamp=time_ms,
        custom_values=sample.custom_values,
    ).SerializeToString()
    return whole


def _tag(number: int, wire: int) -> int:
    return number << 3 | wire


def _field(number: int, data: bytes) -> bytes:
    return bytes((_tag(number, 2),)) + _varint(len(data)) + data


def _varint_field(number: int, value: int) -> bytes:
    return bytes((_tag(number, _VARINT),)) + _varint(value)


def _varint(value: int) -> bytes:
    rest = value & 0xFFFF_FFFF_FFFF_FFFF
    out = bytearray()
    while rest >= 0x80:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)
