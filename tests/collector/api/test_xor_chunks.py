import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collector.api.xor_chunks import crc32c, encode
from collector.model.samples import STALE


class Bits:
    """Reads a chunk as tsdb/docs/format/chunks.md describes it: slowly, a bit at a time."""

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


times = st.lists(
    st.integers(-(2**40), 2**43) | st.integers(1_700_000_000_000, 1_700_000_900_000),
    min_size=1,
    max_size=120,
    unique=True,
).map(sorted)


@given(times, st.data())
def test_every_bit_comes_back(stamps: list[int], data: st.DataObject) -> None:
    size = len(stamps)
    some = st.floats() | st.sampled_from([0.0, 1.0, 1.5, STALE])
    values = np.array(data.draw(st.lists(some, min_size=size, max_size=size)), np.float64)
    found = decoded(encode(np.array(stamps, np.int64), values))
    assert [time for time, _ in found] == stamps
    assert b"".join(word for _, word in found) == values.astype(">f8").tobytes()


def test_steady_counters_cost_little() -> None:
    stamps = np.arange(120, dtype=np.int64) * 15_000 + 1_700_000_000_000
    assert len(encode(stamps, np.ones(120))) < 60


def test_the_checksum_is_castagnoli_s() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(b"") == 0
    assert crc32c(bytes(32)) == 0x8A9136AA
