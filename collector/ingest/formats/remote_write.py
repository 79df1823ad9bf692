"""Remote write 1.0 and 2.0 on the way in: bytes of a request to series and samples; no socket.

`scan` finds every series with its samples; `SeriesReader` reads labels, exemplars, histograms and
metadata of those that are new or have them.
Sources: https://prometheus.io/docs/specs/prw/remote_write_spec/ and …/remote_write_spec_2_0/
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeVar, TypeVarTuple, cast

import cramjam
import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from collector.ingest.formats.histogram_wire import checked, read_buckets
from collector.ingest.formats.protobuf_schema import Message
from collector.ingest.formats.remote_write_messages import TYPES, V1, V2
from collector.ingest.formats.scan import remote_write as kernels
from collector.ingest.formats.scan.remote_write import BEGIN, END
from collector.ingest.limits import MAX_REMOTE_WRITE_BODY_BYTES, MAX_REMOTE_WRITE_SAMPLES
from collector.model.errors import InputError, LimitError
from collector.model.exemplar import Exemplar
from collector.model.histogram_columns import COMPONENT
from collector.model.histograms import NativeHistogram, ResetHint
from collector.model.labels import METRIC_NAME, Labels
from collector.model.metadata import Metadata, MetricType
from collector.model.samples import STALE_BITS, Float64s, Int64s

Version = Literal[1, 2]
VERSIONS: tuple[Version, ...] = (1, 2)
Bytes = NDArray[np.uint8]
_Read = TypeVar("_Read")
_Given = TypeVarTuple("_Given")

_SEED = np.uint64(int.from_bytes(os.urandom(8), "little"))
_HISTOGRAM_SUFFIXES = ("_bucket", "_count", "_sum")


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What a request holds.

    `series` int64[s, 3] as `scan.remote_write` has it, `keys` uint64[s], equal for equal series;
    of each sample: `owners` int64[n] its series, `timestamps_ms`, `values`, `start_ms` (0:
    unknown).
    `symbols` int64[m, 2]: where each string of a 2.0 request is.
    """

    version: Version
    body: Bytes
    series: Int64s
    keys: NDArray[np.uint64]
    owners: Int64s
    timestamps_ms: Int64s
    values: Float64s
    start_ms: Int64s
    symbols: Int64s
    has_metadata: bool


@dataclass(frozen=True, slots=True)
class HistogramSample:
    """One histogram with its time; None is the stale marker."""

    timestamp_ms: int
    start_ms: int
    histogram: NativeHistogram | None


def unpacked(body: bytes) -> Bytes:
    """A body without its snappy compression (uint8[n]).

    Raises InputError when it isn't snappy's block format, or says that it is too large: nothing is
    unpacked to learn that.
    """
    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > MAX_REMOTE_WRITE_BODY_BYTES:
            raise InputError(
                f"the body unpacks to {size:,} bytes, over {MAX_REMOTE_WRITE_BODY_BYTES:,}",
                advice="let the sender put fewer samples into a request",
            )
        raw = np.empty(max(size, 1), dtype=np.uint8)
        written = cramjam.snappy.decompress_raw_into(body, raw.data)
    except cramjam.DecompressionError as error:
        raise InputError(
            f"the body is not snappy's block format: {error}",
            advice="remote write is packed as one snappy block, without frames",
        ) from error
    return raw[:written]


def scan(body: Bytes, version: Version) -> Request:
    """The series and samples of a request.

    Raises InputError when it is none, LimitError over MAX_REMOTE_WRITE_SAMPLES series or samples.
    """
    status, count, others = kernels.count_messages(body, version)
    _check(status)
    if max(count, others) > MAX_REMOTE_WRITE_SAMPLES:
        raise _too_many()
    series = np.empty((count, kernels.SERIES_COLUMNS), dtype=np.int64)
    keys = np.empty(count, dtype=np.uint64)
    symbols = np.empty((others if version == 2 else 0, 2), dtype=np.int64)
    hashes = np.empty(len(symbols), dtype=np.uint64)
    capacity = count + 16
    while True:
        owners, times, starts = np.empty((3, capacity), dtype=np.int64)
        bits = np.empty(capacity, dtype=np.uint64)
        columns = (series, keys, owners, times, starts, bits)
        if version == 1:
            status, used = kernels.scan_v1(body, _SEED, *columns)
        else:
            status, used = kernels.scan_v2(body, _SEED, symbols, hashes, *columns)
        if status != kernels.TOO_MANY:
            break
        if capacity > MAX_REMOTE_WRITE_SAMPLES:
            raise _too_many()
        capacity *= 4
    _check(status)
    if used > MAX_REMOTE_WRITE_SAMPLES:
        raise _too_many()
    values = bits[:used].view(np.float64)
    told = version == 1 and others > 0
    return Request(
        version, body, series, keys, owners[:used], times[:used], values, starts[:used], symbols,
        told,
    )  # fmt: skip


def _check(status: int) -> None:
    if status == kernels.MALFORMED:
        raise InputError(
            "the body is not a remote-write request in protobuf",
            advice="see that the sender's Content-Type says which version it sends",
        )


def _too_many() -> LimitError:
    return LimitError(
        f"more than {MAX_REMOTE_WRITE_SAMPLES:,} samples, series or symbols in one request",
        advice="let the sender put fewer samples into a request",
    )


class SeriesReader:
    """Reads the series of one request, by their row; the slow way, for what is not known."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._row, self._message = -1, None

    def labels(self, row: int) -> Labels:
        """The labels of a series; raises InputError when they can't be stored."""
        message = self._series(row)
        if self._request.version == 1:
            return _checked_labels([(one.name, one.value) for one in message.labels])
        return _checked_labels(self._pairs(message.labels_refs))

    def metadata(self, row: int) -> tuple[str, Metadata] | None:
        """Family and metadata of a 2.0 series, None when it has none."""
        message = self._series(row)
        if self._request.version == 1 or not message.HasField("metadata"):
            return None
        told = message.metadata
        found = Metadata(
            _type_of(told.type), self._symbol(told.help_ref), self._symbol(told.unit_ref)
        )
        if found == Metadata():
            return None
        return _family(self.labels(row).metric_name, found.type), found

    def families(self) -> Mapping[str, Metadata]:
        """Metadata of a 1.0 request, by family; raises InputError."""
        if not self._request.has_metadata:
            return {}
        message = _decoded(V1["WriteRequest"], self._request.body.tobytes())
        return {
            one.metric_family_name: Metadata(_type_of(one.type), one.help, one.unit)
            for one in message.metadata
            if one.metric_family_name
        }

    def exemplars(self, row: int, series: Labels) -> list[Exemplar | InputError]:
        """The exemplars of a series, or what is wrong with each; raises InputError."""
        return [_tried(self._exemplar, one, series) for one in self._series(row).exemplars]

    def _exemplar(self, message: Message, series: Labels) -> Exemplar:
        if self._request.version == 1:
            labels = Labels((pair.name, pair.value) for pair in message.labels)
        else:
            labels = Labels(self._pairs(message.labels_refs))
        return Exemplar(series, labels, message.value, message.timestamp)

    def histograms(self, row: int) -> list[HistogramSample | InputError]:
        """The native histograms of a series, or what is wrong with each; raises InputError."""
        return [_tried(_histogram, one) for one in self._series(row).histograms]

    def _series(self, row: int) -> Message:
        if row != self._row:
            begin, end = self._request.series[row, [BEGIN, END]].tolist()
            classes = V1 if self._request.version == 1 else V2
            raw = self._request.body[begin:end].tobytes()
            self._message, self._row = _decoded(classes["TimeSeries"], raw), row
        return self._message

    def _pairs(self, refs: Sequence[int]) -> list[tuple[str, str]]:
        if len(refs) % 2:
            raise InputError("a label has a name and no value", advice="mend the sender")
        texts = [self._symbol(ref) for ref in refs]
        return list(zip(texts[::2], texts[1::2], strict=True))

    def _symbol(self, number: int) -> str:
        if number >= len(self._symbols):
            raise InputError(f"there is no symbol {number}", advice="mend the sender")
        return self._symbols[number]

    @cached_property
    def _symbols(self) -> list[str]:
        body = self._request.body.tobytes()
        try:
            return [body[begin:end].decode() for begin, end in self._request.symbols.tolist()]
        except UnicodeDecodeError as error:
            raise InputError("a symbol is not UTF-8", advice="mend the sender") from error


def _tried(read: Callable[[*_Given], _Read], *given: *_Given) -> _Read | InputError:
    try:
        return read(*given)
    except InputError as error:
        return error


def _decoded(cls: Message, raw: bytes) -> Message:
    try:
        return cls.FromString(raw)
    except DecodeError as error:
        raise InputError(
            f"a {cls.DESCRIPTOR.name} of the request is not protobuf: {error}",
            advice="text in it must be UTF-8",
        ) from error


def _checked_labels(pairs: Sequence[tuple[str, str]]) -> Labels:
    names = [name for name, _ in pairs]
    told = ", ".join(f"{name}={value!r}" for name, value in pairs)[:300]
    if len(set(names)) < len(names):
        raise InputError(f"a label stands twice: {told}", advice="give each label once")
    if "" in names or not dict(pairs).get(METRIC_NAME):
        raise InputError(f"a series without a metric name or a label's name: {told}")
    if COMPONENT in names:
        raise InputError(f"the label {COMPONENT} is reserved: {told}", advice="rename it")
    return Labels(pairs)


def _type_of(number: int) -> MetricType:
    return cast(MetricType, TYPES[number] if 0 <= number < len(TYPES) else "unknown")


def _family(name: str, kind: MetricType) -> str:
    """The family that a series is of: classic histograms and summaries have suffixes."""
    suffixes = _HISTOGRAM_SUFFIXES if kind in ("histogram", "gaugehistogram", "summary") else ()
    for suffix in suffixes:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def _histogram(message: Message) -> HistogramSample:
    if np.array([message.sum]).view(np.int64)[0] == STALE_BITS:
        return HistogramSample(message.timestamp, message.start_timestamp, None)
    whole = not message.HasField("count_float")
    hint = message.reset_hint
    histogram = NativeHistogram(
        message.schema,
        float(message.count_int if whole else message.count_float),
        message.sum,
        message.zero_threshold,
        float(message.zero_count_int if whole else message.zero_count_float),
        _buckets(message.positive_spans, message.positive_deltas, message.positive_counts),
        _buckets(message.negative_spans, message.negative_deltas, message.negative_counts),
        tuple(message.custom_values),
        ResetHint(hint) if hint in tuple(ResetHint) else ResetHint.UNKNOWN,
    )
    return HistogramSample(
        message.timestamp, message.start_timestamp, checked(histogram, whole=whole)
    )


def _buckets(
    spans: Iterable[Message], deltas: Sequence[int], counts: Sequence[float]
) -> tuple[tuple[int, float], ...]:
    return read_buckets([(one.offset, one.length) for one in spans], deltas, counts)
