"""Chunks come back from the file bit by bit; a disk that fails costs memory and nothing else."""

import errno
import gc
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from collector.store.chunk_codec import Packed, pack, unpack
from collector.store.chunk_file import SEGMENT_BYTES, ChunkFile

CHUNKS = st.lists(
    st_numpy.arrays(
        np.float64,
        st.tuples(st.integers(1, 5), st.integers(1, 64)),
        elements=st.floats(width=64) | st.integers(-1000, 1000).map(float),
    ),
    min_size=1,
    max_size=8,
)


def unpacked(packed: Packed, columns: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    out = np.empty((columns, packed.rows))
    unpack(packed, np.arange(columns), 0, packed.rows, out)
    return out.view(np.int64)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@given(chunks=CHUNKS)
def test_every_bit_comes_back(tmp_path_factory: pytest.TempPathFactory, chunks) -> None:
    file = ChunkFile(tmp_path_factory.getbasetemp())
    kept = [file.keep(pack(np.ascontiguousarray(chunk))) for chunk in chunks]
    for chunk, packed in zip(chunks, kept, strict=True):
        assert np.array_equal(unpacked(packed, len(chunk)), chunk.view(np.int64))


def test_the_file_has_no_name_and_is_gone_with_its_last_chunk(tmp_path: Path) -> None:
    gc.collect()
    before = open_files()
    file = ChunkFile(tmp_path)
    kept = [file.keep(pack(np.random.default_rng(1).random((20_000, 64)))) for _ in range(4)]
    assert sum(one.nbytes for one in kept) > 2 * SEGMENT_BYTES
    assert not list(tmp_path.iterdir())
    assert open_files() > before
    del file, kept
    gc.collect()
    assert open_files() == before


def test_chunks_are_not_in_memory(tmp_path: Path) -> None:
    packed = ChunkFile(tmp_path).keep(pack(np.random.default_rng(1).random((100, 64))))
    assert not packed.words.flags.owndata
    assert packed.words.flags.writeable, "kernels are compiled for arrays that may be written"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/smaps")
def test_what_was_read_is_no_memory_any_more_and_is_read_again(tmp_path: Path) -> None:
    def mapped_kb() -> int:
        pieces = Path("/proc/self/smaps").read_text().split("VmFlags:")
        ours = [piece for piece in pieces if str(tmp_path) in piece]
        return sum(int(re.findall(r"^Rss: +(\d+)", piece, re.MULTILINE)[-1]) for piece in ours)

    values = np.random.default_rng(1).random((5_000, 64))
    file = ChunkFile(tmp_path)
    kept = file.keep(pack(values))
    assert np.array_equal(unpacked(kept, 5_000), values.view(np.int64))
    assert mapped_kb() > 2_000
    file.rest()
    assert mapped_kb() < 100
    assert np.array_equal(unpacked(kept, 5_000), values.view(np.int64))


def test_a_full_disk_leaves_chunks_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = ChunkFile(tmp_path)
    values = np.arange(128.0).reshape(2, 64)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        packed = [file.keep(pack(values)) for _ in range(3)]
    assert all(one.words.flags.owndata for one in packed)
    assert caplog.text.count("stay in memory") == 1
    assert not file.keep(pack(values)).words.flags.owndata
    assert np.array_equal(unpacked(packed[0], 2), values.view(np.int64))


def test_a_write_that_was_cut_short_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "pwrite", lambda descriptor, data, at: len(data) - 1)
    values = np.arange(128.0).reshape(2, 64)
    packed = ChunkFile(tmp_path).keep(pack(values))
    assert np.array_equal(unpacked(packed, 2), values.view(np.int64))
