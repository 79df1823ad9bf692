"""Reads XOR chunks as tsdb/docs/format/chunks.md describes them: slowly, a bit at a time."""

from __future__ import annotations

import struct
from collections.abc import Iterator


class Bits:
    """A chunk as a text of zeros and ones, and a place in it."""

    def __init__(self, data: bytes) -> None:
        self._bits = "".join(f"{byte:08b}" for byte in data)
        self._at = 0

    def take(self, count: int) -> int:
        text = self._bits[self._at : self._at + count]
        assert len(text) == count
        self._at += count
        return int(text or "0", 2)

    def varint(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self.take(8)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def signed(self, count: int) -> int:
        value = self.take(count)
        return value - (1 << count) if value > 1 << (count - 1) else value

    def change_of_step(self) -> int:
        for prefix, count in enumerate((0, 14, 17, 20)):
            if self.take(1) == 0:
                return self.signed(count) if prefix else 0
        value = self.take(64)
        return value - (1 << 64) if value >= 1 << 63 else value


def decoded(data: bytes) -> list[tuple[int, bytes]]:
    """(timestamp_ms, the value's eight bytes, highest first) of each sample."""
    bits = Bits(data)
    found = []
    time = step = word = 0
    leading = trailing = 0
    for i in range(bits.take(16)):
        if i == 0:
            zigzag = bits.varint()
            time, word = zigzag >> 1 ^ -(zigzag & 1), bits.take(64)
            found.append((time, struct.pack(">Q", word)))
            continue
        step = bits.varint() if i == 1 else step + bits.change_of_step()
        time += step
        if bits.take(1):
            if bits.take(1):
                leading, size = bits.take(5), bits.take(6) or 64
                trailing = 64 - leading - size
            word ^= bits.take(64 - leading - trailing) << trailing
        found.append((time, struct.pack(">Q", word)))
    return found


def frames(data: bytes) -> Iterator[bytes]:
    """The messages of a stream, each behind its length and the CRC-32C that it must have."""
    at = 0
    while at < len(data):
        length = shift = 0
        while True:
            length |= (data[at] & 0x7F) << shift
            shift += 7
            at += 1
            if data[at - 1] < 0x80:
                break
        body = data[at + 4 : at + 4 + length]
        assert crc32c(body) == struct.unpack(">I", data[at : at + 4])[0]
        yield body
        at += 4 + length


def crc32c(data: bytes) -> int:
    """CRC-32C, a bit at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 if crc & 1 else crc >> 1
    return crc ^ 0xFFFFFFFF
