"""Remote write 1.0 bodies, by hand: `WriteRequest{1: TimeSeries{1: Label{1, 2}, 2: Sample}}`."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import cramjam

from collector.model.labels import Labels


def body(series: Sequence[tuple[Labels, Sequence[tuple[int, float]]]]) -> bytes:
    """A snappy-compressed request; a sample is (timestamp_ms, value), NaN payloads kept."""
    message = b"".join(_field(1, _series(labels, samples)) for labels, samples in series)
    return bytes(cramjam.snappy.compress_raw(message))


def _series(labels: Labels, samples: Sequence[tuple[int, float]]) -> bytes:
    parts = [
        _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in labels.pairs
    ]
    parts += [
        _field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(time_ms))
        for time_ms, value in samples
    ]
    return b"".join(parts)


def _field(number: int, payload: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(payload)) + payload


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
