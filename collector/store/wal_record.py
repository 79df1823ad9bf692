"""Bytes of the records of log, checkpoints and block indexes: pure encode and decode.

A record is framed (FORMAT.md draws it) so that damage stays where it is: a mark to find the next
record by, the payload's length, a checksum over kind, length and payload. Encoders give the payload
as buffers to be written one after the other, so that a row's values are never copied.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import Float64s, Int64s
from collector.store.set_back import SetBack

Array: TypeAlias = NDArray[Any]
Buffer: TypeAlias = bytes | memoryview

MARK = b"\xf1REC"
_HEAD = struct.Struct("<4sIIB")
HEAD_BYTES = _HEAD.size
_CHECKED = struct.Struct("<IB")

SERIES, LAYOUT, ROW, METADATA, STATE, CHUNK, LATE, BLOCK, END, EXEMPLARS, SET_BACK = range(1, 12)

NO_STARTS, SAME_STARTS, STARTS_FOLLOW = range(3)
_SERIES_AT_ONCE = 500
"""Labels that are encoded without letting another thread run: some 2 ms."""
_NUMBER = struct.Struct("<I")
_ROW = struct.Struct("<IBq")
_SET_BACK = struct.Struct("<qqq")


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no record: from `offset`, `length` of them; `at_end`: none comes after."""

    offset: int
    length: int
    at_end: bool


def frame(kind: int, payload: Sequence[Buffer]) -> list[Buffer]:
    """The buffers of a whole record."""
    length = sum(memoryview(part).nbytes for part in payload)
    checksum = zlib.crc32(_CHECKED.pack(length, kind))
    for part in payload:
        checksum = zlib.crc32(part, checksum)
    return [_HEAD.pack(MARK, length, checksum, kind), *payload]


def read_records(data: bytes, at: int, damage: list[Damage]) -> Iterator[tuple[int, memoryview]]:
    """Every whole record from offset `at` on as (kind, payload); what is none goes to `damage`."""
    while at < len(data):
        record = _record_at(data, at)
        if record is None:
            following = _next_record(data, at + 1)
            damage.append(Damage(at, following - at, following == len(data)))
            at = following
            continue
        yield record
        at += HEAD_BYTES + len(record[1])


def _record_at(data: bytes, at: int) -> tuple[int, memoryview] | None:
    if at + HEAD_BYTES > len(data):
        return None
    mark, length, checksum, kind = _HEAD.unpack_from(data, at)
    begin = at + HEAD_BYTES
    if mark != MARK or begin + length > len(data):
        return None
    payload = memoryview(data)[begin : begin + length]
    if zlib.crc32(payload, zlib.crc32(_CHECKED.pack(length, kind))) != checksum:
        return None
    return kind, payload


def _next_record(data: bytes, at: int) -> int:
    """Offset of the next whole record, or the end."""
    while (at := data.find(MARK, at)) >= 0:
        if _record_at(data, at) is not None:
            return at
        at += 1
    return len(data)


def encode_series(first_ref: int, labels: Sequence[Labels | None]) -> list[Buffer]:
    """Series with the refs first_ref, first_ref + 1, …; None: no series has that one."""
    parts = []
    for first in range(0, len(labels), _SERIES_AT_ONCE):
        some = labels[first : first + _SERIES_AT_ONCE]
        pairs = [None if one is None else one.pairs for one in some]
        parts.append(json.dumps(pairs, separators=(",", ":"), ensure_ascii=False)[1:-1])
    text = f"[{','.join(parts)}]".encode()
    return [_NUMBER.pack(first_ref), zlib.compress(text, 1)]


def decode_series(payload: memoryview) -> tuple[int, list[Labels]]:
    """First ref and labels, of a record without gaps."""
    first_ref, labels = decode_series_and_gaps(payload)
    return first_ref, [one for one in labels if one is not None]


def decode_series_and_gaps(payload: memoryview) -> tuple[int, list[Labels | None]]:
    """First ref and labels; None: no series has that ref."""
    found = json.loads(zlib.decompress(payload[_NUMBER.size :]))
    return _NUMBER.unpack_from(payload)[0], [
        None if pairs is None else _labels(pairs) for pairs in found
    ]


def encode_layout(layout: int, source: str, refs: Int64s) -> list[Buffer]:
    """A number for the source and the refs of rows to come."""
    name = source.encode()
    head = _NUMBER.pack(layout) + _NUMBER.pack(len(name)) + name
    return [head, refs.astype(np.uint32).data]


def decode_layout(payload: memoryview) -> tuple[int, str, Int64s]:
    """Layout, source, refs."""
    layout, length = struct.unpack_from("<II", payload)
    source = bytes(payload[8 : 8 + length]).decode()
    return layout, source, np.frombuffer(payload[8 + length :], "<u4").astype(np.int64)


@dataclass(frozen=True, slots=True)
class Row:
    """One timestamp of a layout; `starts` tells what `start_ms` is when it is None."""

    layout: int
    timestamp_ms: int
    values: Float64s
    starts: int
    start_ms: Int64s | None


def encode_row(row: Row) -> list[Buffer]:
    """A row of samples."""
    head = _ROW.pack(row.layout, row.starts, row.timestamp_ms)
    starts = [] if row.start_ms is None else [row.start_ms.data]
    return [head, row.values.data, *starts]


def decode_row(payload: memoryview) -> Row:
    """The same back; the arrays may be kept."""
    layout, starts, timestamp_ms = _ROW.unpack_from(payload)
    numbers = bytes(payload[_ROW.size :])
    cells = len(numbers) // 8
    count = cells // 2 if starts == STARTS_FOLLOW else cells
    values = np.frombuffer(numbers, np.float64, count)
    start_ms = np.frombuffer(numbers, np.int64, count, 8 * count) if count < cells else None
    return Row(layout, timestamp_ms, values, starts, start_ms)


def encode_set_back(one: SetBack) -> list[Buffer]:
    """The clock was set back."""
    return [_SET_BACK.pack(one.at_ms, one.ahead_ms, one.cleaned)]


def decode_set_back(payload: memoryview) -> SetBack:
    """The same back."""
    return SetBack(*_SET_BACK.unpack(payload))


def encode_metadata(family: str, metadata: Metadata) -> list[Buffer]:
    """What a metric family says of itself."""
    return [json.dumps([family, metadata.type, metadata.help, metadata.unit]).encode()]


def decode_metadata(payload: memoryview) -> tuple[str, Metadata]:
    """Family and metadata."""
    family, type_, help_, unit = json.loads(bytes(payload))
    return family, Metadata(type_, help_, unit)


def encode_exemplars(exemplars: Sequence[Exemplar]) -> list[Buffer]:
    """Exemplars with the labels of their series."""
    rows = [
        (one.series.pairs, one.labels.pairs, one.value, one.timestamp_ms, one.has_timestamp)
        for one in exemplars
    ]
    text = json.dumps(rows, separators=(",", ":"), ensure_ascii=False).encode()
    return [zlib.compress(text, 1)]


def decode_exemplars(payload: memoryview) -> list[Exemplar]:
    """The same back."""
    return [
        Exemplar(_labels(series), _labels(labels), value, timestamp_ms, has_timestamp)
        for series, labels, value, timestamp_ms, has_timestamp in json.loads(
            zlib.decompress(payload)
        )
    ]


def _labels(pairs: Sequence[Sequence[str]]) -> Labels:
    return Labels((name, value) for name, value in pairs)


def encode_arrays(header: object, arrays: Sequence[Array]) -> list[Buffer]:
    """A JSON header and arrays, each with its dtype and length: the form of all other records."""
    shapes = [[array.dtype.str, len(array)] for array in arrays]
    text = json.dumps([header, shapes]).encode()
    return [_NUMBER.pack(len(text)), text, *(np.ascontiguousarray(array).data for array in arrays)]


def decode_arrays(payload: memoryview) -> tuple[Any, list[Array]]:
    """The same back; the arrays are copies."""
    length = _NUMBER.unpack_from(payload)[0]
    header, shapes = json.loads(bytes(payload[4 : 4 + length]))
    at, arrays = 4 + length, []
    for dtype, count in shapes:
        array = np.frombuffer(payload, dtype, count, at).copy()
        arrays.append(array)
        at += array.nbytes
    return header, arrays
