"""Samples as Prometheus's XOR chunks, and the checksum of the frames that carry them.

Format: tsdb/docs/format/chunks.md and tsdb/chunkenc/xor.go of Prometheus, after Pelkonen et al.,
"Gorilla", VLDB 2015. The checksum is CRC-32C (Castagnoli, RFC 3720).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from collector.model.samples import Float64s, Int64s

Bytes = NDArray[np.uint8]

SAMPLES_PER_CHUNK = 120
"""As many as Prometheus puts into a chunk of its own."""
_MAX_SAMPLE_BYTES = 24
"""At most 68 bits for the time and 77 for the value, and two varints in a chunk."""
_POLYNOMIAL = 0x82F63B78


def encode(times_ms: Int64s, values: Float64s) -> bytes:
    """One chunk of at most 65,535 samples; `times_ms` int64[n] rise, `values` float64[n]."""
    out = np.zeros(2 + 16 + _MAX_SAMPLE_BYTES * len(times_ms), np.uint8)
    bits = np.ascontiguousarray(values).view(np.uint64)
    size = _encode(np.ascontiguousarray(times_ms), bits, out)
    return out[:size].tobytes()


def crc32c(data: bytes) -> int:
    """The checksum of some bytes."""
    return int(_crc32c(np.frombuffer(data, np.uint8), _TABLE))


def warm_up() -> None:
    """Compile the kernels, or load them from numba's cache."""
    encode(np.zeros(1, np.int64), np.zeros(1))
    crc32c(b"0")


def _table() -> NDArray[np.uint32]:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table.astype(np.uint32)


_TABLE = _table()


@njit(cache=True, nogil=True)
def _crc32c(data: Bytes, table: NDArray[np.uint32]) -> int:
    crc = np.uint32(0xFFFFFFFF)
    for byte in data:
        crc = table[(crc ^ byte) & np.uint32(0xFF)] ^ (crc >> np.uint32(8))
    return int(crc ^ np.uint32(0xFFFFFFFF))


@njit(cache=True, nogil=True)
def _put(out: Bytes, at: int, value: int, count: int) -> int:
    """Write the low `count` bits, highest first, at bit `at`; answers the bit behind them."""
    word = np.uint64(value)
    while count > 0:
        room = 8 - (at & 7)
        taken = min(room, count)
        count -= taken
        part = np.int64(word >> np.uint64(count)) & ((1 << taken) - 1)
        out[at >> 3] |= np.uint8(part << (room - taken))
        at += taken
    return at


@njit(cache=True, nogil=True)
def _put_varint(out: Bytes, at: int, value: int) -> int:
    """An unsigned varint, seven bits a byte, lowest first."""
    rest = np.uint64(value)
    while rest >= np.uint64(0x80):
        at = _put(out, at, int(rest & np.uint64(0x7F)) | 0x80, 8)
        rest >>= np.uint64(7)
    return _put(out, at, int(rest), 8)


@njit(cache=True, nogil=True)
def _put_time(out: Bytes, at: int, change: int) -> int:
    """How much the time's step differs from the one before: five classes by size."""
    if change == 0:
        return _put(out, at, 0, 1)
    if -(1 << 13) < change <= 1 << 13:
        return _put(out, _put(out, at, 0b10, 2), change, 14)
    if -(1 << 16) < change <= 1 << 16:
        return _put(out, _put(out, at, 0b110, 3), change, 17)
    if -(1 << 19) < change <= 1 << 19:
        return _put(out, _put(out, at, 0b1110, 4), change, 20)
    return _put(out, _put(out, at, 0b1111, 4), change, 64)


@njit(cache=True, nogil=True)
def _zeros(word: np.uint64) -> tuple[int, int]:
    """How many leading (at most 31, as five bits hold) and trailing zeros a word has."""
    leading, trailing = 0, 0
    while leading < 31 and not word >> np.uint64(63 - leading):
        leading += 1
    while not (word >> np.uint64(trailing)) & np.uint64(1):
        trailing += 1
    return leading, trailing


@njit(cache=True, nogil=True)
def _encode(times_ms: Int64s, bits: NDArray[np.uint64], out: Bytes) -> int:
    count = len(times_ms)
    at = _put(out, 0, count, 16)
    leading, trailing, step = -1, 0, 0
    for i in range(count):
        if i == 0:
            first = times_ms[0]
            at = _put_varint(out, at, (first << 1) ^ (first >> 63))
            at = _put(out, at, bits[0], 64)
            continue
        before, step = step, times_ms[i] - times_ms[i - 1]
        at = _put_varint(out, at, step) if i == 1 else _put_time(out, at, step - before)
        change = bits[i] ^ bits[i - 1]
        if change == 0:
            at = _put(out, at, 0, 1)
            continue
        lead, trail = _zeros(change)
        if leading >= 0 and lead >= leading and trail >= trailing:
            at = _put(out, at, 0b10, 2)
        else:
            leading, trailing = lead, trail
            at = _put(out, at, 0b11, 2)
            at = _put(out, at, leading, 5)
            at = _put(out, at, (64 - leading - trailing) & 63, 6)
        at = _put(out, at, change >> np.uint64(trailing), 64 - leading - trailing)
    return (at + 7) >> 3
