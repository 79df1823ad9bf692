"""Remote write 1.0 and 2.0 on the way out: samples to the bytes of a request; no socket.

Float samples, which are nearly all, are written as wire bytes at once; the rest goes through the
protobuf classes. Each sample is a series of its own, as Prometheus sends them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import cramjam

from collector.ingest.formats.histogram_wire import is_whole, write_deltas, write_spans
from collector.ingest.formats.protobuf_schema import Message
from collector.ingest.formats.remote_write import Version
from collector.ingest.formats.remote_write_messages import TYPES, V1, V2
from collector.model.exemplar import Exemplar
from collector.model.histograms import Buckets, NativeHistogram
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import STALE

CONTENT_TYPES: Mapping[Version, str] = {
    1: "application/x-protobuf",
    2: "application/x-protobuf;proto=io.prometheus.write.v2.Request",
}
VERSION_HEADERS: Mapping[Version, str] = {1: "0.1.0", 2: "2.0.0"}
"""X-Prometheus-Remote-Write-Version."""

_FieldName = Literal["sample", "exemplar", "histogram"]
_FIELDS: Mapping[Version, Mapping[_FieldName, int]] = {
    1: {"sample": 2, "exemplar": 3, "histogram": 4},
    2: {"sample": 2, "histogram": 3, "exemplar": 4},
}
_DOUBLE = struct.Struct("<d")
_PACK = _DOUBLE.pack


@dataclass(slots=True)
class Series:
    """One series to be sent; `key` says which shard it goes to, `head` is its 1.0 labels."""

    labels: Labels
    key: int
    head: bytes = b""


@dataclass(frozen=True, slots=True)
class Item:
    """One sample, histogram or exemplar of a series; a float may be STALE, so may a histogram."""

    series: Series
    timestamp_ms: int
    value: float | NativeHistogram | Exemplar
    start_ms: int = 0
    is_histogram: bool = False


MetadataOf = Callable[[str], Metadata | None]
"""What is known of the family of a metric's name."""


def encode(items: Sequence[Item], version: Version, metadata_of: MetadataOf) -> bytes:
    """A request with these items, packed."""
    raw = _encode_v1(items) if version == 1 else _encode_v2(items, metadata_of)
    return bytes(cramjam.snappy.compress_raw(raw))


def encode_metadata(families: Mapping[str, Metadata]) -> bytes:
    """A 1.0 request with metadata only, packed; 2.0 has it beside each series."""
    request = V1["WriteRequest"]()
    for name, told in families.items():
        request.metadata.add(
            type=TYPES.index(told.type), metric_family_name=name, help=told.help, unit=told.unit
        )
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


def _encode_v1(items: Iterable[Item]) -> bytes:
    parts: list[bytes] = []
    for item in items:
        series = item.series
        if not series.head:
            series.head = _labels_v1(series.labels)
        inner = series.head + _value(item, 1, None)
        parts += (b"\x0a", varint(len(inner)), inner)
    return b"".join(parts)


def _labels_v1(labels: Labels) -> bytes:
    parts = []
    for name, value in labels.pairs:
        raw_name, raw_value = name.encode(), value.encode()
        pair = b"\x0a" + varint(len(raw_name)) + raw_name
        pair += b"\x12" + varint(len(raw_value)) + raw_value
        parts.append(b"\x0a" + varint(len(pair)) + pair)
    return b"".join(parts)


@dataclass(slots=True)
class _Symbols:
    """The strings of one 2.0 request; the first must be empty."""

    numbers: dict[str, int] = field(default_factory=lambda: {"": 0})

    def number(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    def refs(self, labels: Labels) -> bytes:
        """Packed numbers of names and values."""
        number = self.number
        return b"".join(varint(number(text)) for pair in labels.pairs for text in pair)


def _encode_v2(items: Iterable[Item], metadata_of: MetadataOf) -> bytes:
    symbols = _Symbols()
    parts: list[bytes] = []
    for item in items:
        refs = symbols.refs(item.series.labels)
        inner = b"\x0a" + varint(len(refs)) + refs + _value(item, 2, symbols)
        told = metadata_of(item.series.labels.metric_name)
        if told is not None:
            inner += _metadata(told, symbols)
        parts += (b"\x2a", varint(len(inner)), inner)
    texts = (text.encode() for text in symbols.numbers)
    head = [b"\x22" + varint(len(text)) + text for text in texts]
    return b"".join([*head, *parts])


def _metadata(told: Metadata, symbols: _Symbols) -> bytes:
    raw = b"\x08" + varint(TYPES.index(told.type))
    raw += b"\x18" + varint(symbols.number(told.help))
    raw += b"\x20" + varint(symbols.number(told.unit))
    return b"\x2a" + varint(len(raw)) + raw


def _value(item: Item, version: Version, symbols: _Symbols | None) -> bytes:
    """The sample, exemplar or histogram as a field of a TimeSeries."""
    value = item.value
    if isinstance(value, Exemplar):
        return _framed(version, "exemplar", _exemplar(value, version, symbols))
    if isinstance(value, NativeHistogram):
        message = _histogram(value, item, version)
        return _framed(version, "histogram", message.SerializeToString())
    if item.is_histogram:
        message = V1["Histogram"](sum=STALE, timestamp=item.timestamp_ms)
        return _framed(version, "histogram", message.SerializeToString())
    raw = b"\x09" + _PACK(value) + b"\x10" + varint(item.timestamp_ms)
    if version == 2 and item.start_ms:
        raw += b"\x18" + varint(item.start_ms)
    return b"\x12" + varint(len(raw)) + raw


def _framed(version: Version, name: _FieldName, raw: bytes) -> bytes:
    return bytes([_FIELDS[version][name] << 3 | 2]) + varint(len(raw)) + raw


def _exemplar(one: Exemplar, version: Version, symbols: _Symbols | None) -> bytes:
    if version == 1 or symbols is None:
        labels = [V1["Label"](name=name, value=value) for name, value in one.labels.pairs]
        message = V1["Exemplar"](labels=labels, value=one.value, timestamp=one.timestamp_ms)
    else:
        refs = [symbols.number(text) for pair in one.labels.pairs for text in pair]
        message = V2["Exemplar"](labels_refs=refs, value=one.value, timestamp=one.timestamp_ms)
    raw: bytes = message.SerializeToString()
    return raw


def _histogram(one: NativeHistogram, item: Item, version: Version) -> Message:
    classes = V1 if version == 1 else V2
    message = classes["Histogram"](
        sum=one.sum,
        schema=one.schema,
        zero_threshold=one.zero_threshold,
        reset_hint=int(one.reset_hint),
        timestamp=item.timestamp_ms,
        custom_values=one.custom_values,
        start_timestamp=item.start_ms if version == 2 else 0,
    )
    whole = is_whole(one)
    if whole:
        message.count_int, message.zero_count_int = int(one.count), int(one.zero_count)
    else:
        message.count_float, message.zero_count_float = one.count, one.zero_count
    for sign, buckets in (("positive", one.positive), ("negative", one.negative)):
        _put_buckets(message, classes["Span"], sign, buckets, whole=whole)
    if not (one.positive or one.negative or one.zero_count or one.zero_threshold):
        message.positive_spans.add()  # says that it is native although nothing was observed
    return message


def _put_buckets(
    message: Message, span: Message, sign: str, buckets: Buckets, *, whole: bool
) -> None:
    spans = [span(offset=offset, length=length) for offset, length in write_spans(buckets)]
    getattr(message, f"{sign}_spans").extend(spans)
    if whole:
        getattr(message, f"{sign}_deltas").extend(write_deltas(buckets))
    else:
        getattr(message, f"{sign}_counts").extend(count for _, count in buckets)


_SMALL = [bytes([number]) for number in range(128)]


def varint(number: int) -> bytes:
    """A number as protobuf has it; a negative one as the 64-bit number with the same bits."""
    if 0 <= number < 128:
        return _SMALL[number]
    number &= 2**64 - 1
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)
