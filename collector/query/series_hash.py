"""The hash of a label set by which `limit_ratio` picks series: Prometheus's own.

So the same series are picked as there. XXH64 (seed 0) over the labels as Prometheus lays them out:
each text behind its length, which takes one byte, or four from 255 on. Source: xxhash_spec.md of
github.com/Cyan4973/xxHash; model/labels/labels_stringlabels.go of Prometheus 3.
"""

from __future__ import annotations

from functools import lru_cache

from collector.model.labels import Labels

_MASK = (1 << 64) - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


@lru_cache(maxsize=1 << 16)
def series_hash(labels: Labels) -> int:
    """An unsigned 64-bit number."""
    data = bytearray()
    for pair in labels.pairs:
        for text in pair:
            raw = text.encode("utf-8", "surrogateescape")
            size = len(raw)
            data += bytes([size]) if size < 255 else b"\xff" + size.to_bytes(3, "little")
            data += raw
    return xxh64(bytes(data))


def xxh64(data: bytes) -> int:
    """XXH64 with seed 0."""
    at, end = 0, len(data)
    if end >= 32:
        lanes = [(_P1 + _P2) & _MASK, _P2, 0, (-_P1) & _MASK]
        while at <= end - 32:
            for lane in range(4):
                lanes[lane] = _round(lanes[lane], _word(data, at + 8 * lane, 8))
            at += 32
        turns = zip(lanes, (1, 7, 12, 18), strict=True)
        state = sum(_rotated(lane, by) for lane, by in turns) & _MASK
        for lane in lanes:
            state = ((state ^ _round(0, lane)) * _P1 + _P4) & _MASK
    else:
        state = _P5
    state = (state + end) & _MASK
    while at + 8 <= end:
        state = (_rotated(state ^ _round(0, _word(data, at, 8)), 27) * _P1 + _P4) & _MASK
        at += 8
    if at + 4 <= end:
        state = (_rotated(state ^ (_word(data, at, 4) * _P1 & _MASK), 23) * _P2 + _P3) & _MASK
        at += 4
    for byte in data[at:]:
        state = _rotated(state ^ (byte * _P5 & _MASK), 11) * _P1 & _MASK
    state = (state ^ (state >> 33)) * _P2 & _MASK
    state = (state ^ (state >> 29)) * _P3 & _MASK
    return state ^ (state >> 32)


def _word(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _rotated(value: int, by: int) -> int:
    return ((value << by) | (value >> (64 - by))) & _MASK


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * _P2) & _MASK, 31) * _P1 & _MASK
