import importlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.api.xor_chunks import crc32c, encode
from collector.model.samples import STALE

decoded = importlib.import_module("tests.oracles.xor_chunk_reader").decoded


times = st.lists(
    st.integers(-(2**40), 2**43) | st.integers(1_700_000_000_000, 1_700_000_900_000),
    min_size=1,
    max_size=120,
    unique=True,
).map(sorted)


@settings(deadline=None)  # the first example may have to wait for the compiler
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
