"""Segments of checksummed records on disk: append, fsync, replay; a torn tail is cut off.

A segment is `MAGIC`, then records: length u32, crc32 u32, kind u8, payload (little-endian). A
record is in the file (one write(2)) before `append` returns, so a killed process loses nothing that
it acknowledged; losing power may cost what was not fsynced.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from collector.model.errors import StorageError, Where

log = logging.getLogger(__name__)

MAGIC = b"TOCSWAL1"
HEADER = struct.Struct("<IIB")
MAX_RECORD_BYTES = 256 * 1024 * 1024


class Wal:
    """The segments of one directory, named by a rising number."""

    def __init__(self, directory: Path, *, fsync: bool) -> None:
        self._directory = directory
        self._fsync = fsync
        self._descriptor = -1
        self._size = 0
        directory.mkdir(parents=True, exist_ok=True)

    def segments(self) -> list[Path]:
        """Files of the log, oldest first."""
        return sorted(self._directory.glob("*.wal"))

    @property
    def segment_bytes(self) -> int:
        """Size of the segment that is being written."""
        return self._size

    def begin_segment(self) -> None:
        """Close the segment that is being written and open the next."""
        self.close()
        names = [int(path.stem) for path in self.segments()]
        path = self._directory / f"{max(names, default=0) + 1:010}.wal"
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._size = 0
        self._write(MAGIC)

    def append(self, kind: int, payload: bytes) -> None:
        """Write one record; raises StorageError and leaves the log as it was when that fails."""
        crc = zlib.crc32(payload, kind)
        self._write(HEADER.pack(len(payload), crc, kind) + payload)
        if self._fsync:
            os.fsync(self._descriptor)

    def sync(self) -> None:
        """Make sure that what was written survives a loss of power."""
        if self._descriptor >= 0:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the segment that is being written."""
        if self._descriptor >= 0:
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, data: bytes) -> None:
        try:
            written = os.write(self._descriptor, data)
            if written != len(data):
                raise OSError(28, "No space left on device")
        except OSError as error:
            os.ftruncate(self._descriptor, self._size)
            os.lseek(self._descriptor, self._size, os.SEEK_SET)
            raise StorageError(
                f"the write-ahead log can't be written: {error.strerror}",
                where=Where(str(self._directory)),
                advice="free some disk space; tocsin goes on by itself then",
            ) from error
        self._size += len(data)


def read_segment(path: Path, *, is_last: bool) -> Iterator[tuple[int, memoryview]]:
    """Every record as (kind, payload); stops with a warning at the first that is damaged.

    The damaged tail of the last segment is cut off.
    """
    data = memoryview(path.read_bytes())
    at = len(MAGIC)
    if bytes(data[:at]) != MAGIC:
        log.warning("%s is no segment of the log; it is left alone", path)
        return
    while at + HEADER.size <= len(data):
        length, crc, kind = HEADER.unpack_from(data, at)
        payload = data[at + HEADER.size : at + HEADER.size + length]
        if len(payload) < length or zlib.crc32(payload, kind) != crc:
            break
        yield kind, payload
        at += HEADER.size + length
    if at < len(data):
        log.warning(
            "%s: %d bytes after offset %d are damaged and left out", path, len(data) - at, at
        )
        if is_last:
            os.truncate(path, at)
