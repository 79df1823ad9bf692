"""Bytes of the write-ahead records: pure encode and decode.

SERIES    ref u32, source and labels as JSON [source, [[name, value], …]]
LAYOUT    layout u32, refs i64[n]              the series of a row, written once
ROW       layout u32, has_starts u8, timestamp i64, values f64[n], [starts i64[n]]
METADATA  JSON [family, type, help, unit]
TOTALS    JSON header, then total f64[n], last value f64[n], last time i64[n]
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

import numpy as np

from collector.model.labels import Labels
from collector.model.samples import Float64s, Int64s

SERIES, LAYOUT, ROW, METADATA, TOTALS = range(1, 6)
_REF = struct.Struct("<I")
_ROW = struct.Struct("<IBq")


@dataclass(frozen=True, slots=True)
class Row:
    """One timestamp of a layout."""

    layout: int
    timestamp_ms: int
    values: Float64s
    start_ms: Int64s | None


def encode_series(ref: int, source: str, labels: Labels) -> bytes:
    """A series that begins."""
    return _REF.pack(ref) + json.dumps([source, labels.pairs]).encode()


def decode_series(payload: memoryview) -> tuple[int, str, Labels]:
    """The same back."""
    source, pairs = json.loads(bytes(payload[_REF.size :]))
    return _REF.unpack_from(payload)[0], source, Labels((name, value) for name, value in pairs)


def encode_layout(layout: int, refs: Int64s) -> bytes:
    """The refs of a row's values."""
    return _REF.pack(layout) + refs.tobytes()


def decode_layout(payload: memoryview) -> tuple[int, Int64s]:
    """The same back."""
    refs = np.frombuffer(payload[_REF.size :], dtype=np.int64).copy()
    return _REF.unpack_from(payload)[0], refs


def encode_row(row: Row) -> bytes:
    """A row of samples."""
    head = _ROW.pack(row.layout, row.start_ms is not None, row.timestamp_ms)
    starts = b"" if row.start_ms is None else row.start_ms.tobytes()
    return head + np.ascontiguousarray(row.values).tobytes() + starts


def decode_row(payload: memoryview) -> Row:
    """The same back."""
    layout, has_starts, timestamp_ms = _ROW.unpack_from(payload)
    cells = (len(payload) - _ROW.size) // 8
    count = cells // 2 if has_starts else cells
    values = np.frombuffer(payload, np.float64, count, _ROW.size).copy()
    starts = None
    if has_starts:
        starts = np.frombuffer(payload, np.int64, count, _ROW.size + 8 * count).copy()
    return Row(layout, timestamp_ms, values, starts)
