"""Segments of records on disk: append, fsync, replay, cut a torn tail.

A record is in the file, by one writev(2), before `append` returns: a killed process loses nothing
that it acknowledged. A record that does not fit on the disk is cut off again, so that the log stays
readable and goes on by itself once there is room.

Every call to the disk goes through `os`, so that a test can let any of them fail.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from collector.model.errors import StorageError, Where
from collector.store.options import Fsync
from collector.store.wal_record import Buffer, Damage, frame, read_records

log = logging.getLogger(__name__)

MAGIC = b"TOCSWAL2"
SUFFIX = ".wal"


class Wal:
    """The segments of one directory, named by a rising number."""

    def __init__(self, directory: Path, fsync: Fsync) -> None:
        self._directory = directory
        self._fsync = fsync
        self._descriptor = -1
        self._size = 0
        self._unsynced = False
        self._has_remains = False
        self.number = 0

    @property
    def segment_bytes(self) -> int:
        """Size of the segment that is being written."""
        return self._size

    def segments(self) -> list[Path]:
        """Files of the log, oldest first."""
        return sorted(self._directory.glob("*" + SUFFIX))

    def begin_segment(self, number: int) -> None:
        """Open the segment `number`, then close the one that was being written.

        Raises StorageError, and goes on with the old one, when there is no room.
        """
        path = segment_path(self._directory, number)
        descriptor = -1
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
            if os.write(descriptor, MAGIC) != len(MAGIC):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            sync_directory(self._directory)
        except OSError as error:
            if descriptor >= 0:
                os.close(descriptor)
                remove_needless(path)
            raise self._failed(error) from error
        self.close()
        self._descriptor, self._size, self.number = descriptor, len(MAGIC), number

    def append(self, kind: int, payload: Sequence[Buffer]) -> None:
        """Write one record. Raises StorageError and leaves the log as it was when that fails."""
        buffers = frame(kind, payload)
        size = sum(memoryview(part).nbytes for part in buffers)
        try:
            if self._has_remains:
                self._cut_back()
            self._has_remains = True
            if os.writev(self._descriptor, buffers) != size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if self._fsync == "always":
                os.fdatasync(self._descriptor)
            self._has_remains = False
        except OSError as error:
            with suppress(OSError):  # then the next append tries again before it writes
                self._cut_back()
            raise self._failed(error) from error
        self._size += size
        self._unsynced = True

    def _cut_back(self) -> None:
        """Cut off what is left of a record that was not acknowledged."""
        os.ftruncate(self._descriptor, self._size)
        os.lseek(self._descriptor, self._size, os.SEEK_SET)
        self._has_remains = False

    def sync(self) -> None:
        """Make sure that what was written survives a loss of power, unless that is not wanted.

        Raises StorageError; the next call tries again.
        """
        if self._descriptor >= 0 and self._unsynced and self._fsync != "never":
            try:
                os.fdatasync(self._descriptor)
            except OSError as error:
                raise self._failed(error) from error
            self._unsynced = False

    def close(self) -> None:
        """Close the segment that is being written."""
        if self._descriptor >= 0:
            try:
                self.sync()
            except StorageError as error:
                log.error("the end of a segment may not survive a loss of power: %s", error)
            if self._has_remains:
                with suppress(OSError):  # then a start skips them, and says so
                    self._cut_back()
            os.close(self._descriptor)
            self._descriptor = -1
            self._has_remains = False

    def remove_before(self, number: int) -> None:
        """Delete the segments that a checkpoint or blocks made needless."""
        for path in self.segments():
            if int(path.stem) < number:
                remove_needless(path)

    def _failed(self, error: OSError) -> StorageError:
        return StorageError(
            f"the write-ahead log can't be written: {error.strerror}",
            where=Where(str(self._directory)),
            advice=f"{remedy(error)}; tocsin goes on by itself then, nothing has to be started",
        )


def remedy(error: OSError) -> str:
    """What helps when the disk refuses to take something."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some disk space"
    if error.errno == errno.EROFS:
        return "make the file system writable again"
    return "check the disk and the owner of the directory"


def remove_needless(path: Path) -> None:
    """Remove a file that nothing reads any more; one that can't be removed is only told."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s is needless and can't be removed: %s", path, error.strerror)


def segment_path(directory: Path, number: int) -> Path:
    """The file of a segment."""
    return directory / f"{number:010}{SUFFIX}"


def sync_directory(directory: Path) -> None:
    """Make names that were created or renamed in a directory survive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_segment(path: Path, damage: list[Damage]) -> Iterator[tuple[int, memoryview]]:
    """Every whole record of a segment as (kind, payload); the rest is told in `damage`."""
    data = path.read_bytes()
    if not data.startswith(MAGIC):
        damage.append(Damage(0, len(data), at_end=True))
        log.warning("%s is no segment of the log; it is left alone", path)
        return
    yield from read_records(data, len(MAGIC), damage)


def cut_tail(path: Path, damage: Damage) -> None:
    """Cut off the record that was being written when the process ended."""
    log.warning(
        "%s ends in the middle of a record, which nobody was told is stored: %d bytes are cut off",
        path,
        damage.length,
    )
    os.truncate(path, damage.offset)
