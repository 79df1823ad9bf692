"""`ChunkFile`: where sealed chunks wait to be cut into a block, so that memory need not hold them.

They are written to files without a name, which the kernel keeps in its cache as long as there is
room, and are mapped: a read finds them as if they were in memory. Nothing is durable here, that is
the log's task; a file is gone when the last chunk in it is. A disk that is full costs memory, no
sample.
"""

from __future__ import annotations

import logging
import mmap
import os
import tempfile
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from collector.store.chunk_codec import Packed

SEGMENT_BYTES = 16 * 1024 * 1024
"""Of one file: its chunks are of about the same time, and are forgotten together."""
_ALIGNED_BYTES = 8
_ARRAYS = [field.name for field in fields(Packed) if field.name != "rows"]
_log = logging.getLogger(__name__)


class ChunkFile:
    """Keeps chunks in `directory`; None keeps them in memory."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._segment: _Segment | None = None
        self._maps: list[weakref.ref[mmap.mmap]] = []
        self._is_told = False

    def keep(self, packed: Packed) -> Packed:
        """The same chunk, out of memory when there is a file that takes it."""
        if self._directory is None:
            return packed
        arrays = [getattr(packed, name) for name in _ARRAYS]
        try:
            kept = self._with_room(sum(map(_room_of, arrays))).keep(arrays)
        except OSError as error:
            self._tell(error)
            return packed
        return Packed(packed.rows, *kept)

    def rest(self) -> None:
        """Take what was read out of the process's memory; the kernel still has it at hand."""
        for one in self._maps:
            mapped = one()
            if mapped is not None:
                with suppress(OSError, AttributeError):  # advice: not every system takes it
                    mapped.madvise(mmap.MADV_DONTNEED)

    def _with_room(self, size_bytes: int) -> _Segment:
        if self._segment is None or not self._segment.has_room(size_bytes):
            self._segment = _Segment(self._directory, max(size_bytes, SEGMENT_BYTES))
            self._maps = [*(one for one in self._maps if one()), self._segment.map]
        return self._segment

    def _tell(self, error: OSError) -> None:
        self._segment = None
        if not self._is_told:
            self._is_told = True
            _log.warning("sealed chunks stay in memory, as no file takes them: %s", error)


IN_MEMORY = ChunkFile(None)


class _Segment:
    """One file, mapped as a whole; arrays that were made of it keep it alive."""

    def __init__(self, directory: Path | None, size_bytes: int) -> None:
        self._file = tempfile.TemporaryFile(dir=directory, buffering=0)  # noqa: SIM115
        self._file.truncate(size_bytes)  # takes no room on the disk yet
        self._mapped = mmap.mmap(self._file.fileno(), size_bytes)
        self.map = weakref.ref(self._mapped)
        self._size_bytes = size_bytes
        self._used_bytes = 0

    def has_room(self, size_bytes: int) -> bool:
        return self._used_bytes + size_bytes <= self._size_bytes

    def keep(self, arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Equal arrays over the file. Raises OSError when it can't be written."""
        padded = b"".join(array.tobytes().ljust(_room_of(array), b"\0") for array in arrays)
        if os.pwrite(self._file.fileno(), padded, self._used_bytes) < len(padded):
            raise OSError("the disk is full")
        kept = []
        for array in arrays:
            begin = self._used_bytes
            kept.append(np.frombuffer(self._mapped, array.dtype, len(array), begin))
            self._used_bytes += _room_of(array)
        return kept


def _room_of(array: NDArray[Any]) -> int:
    return -(-array.nbytes // _ALIGNED_BYTES) * _ALIGNED_BYTES
