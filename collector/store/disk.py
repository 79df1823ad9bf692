"""Files that are written once: whole and on the disk, or not there.

The one door to the disk of blocks, snapshots and backups: every call goes through `os`, so that a
test can let any of them fail.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from collector.model.errors import StorageError, Where
from collector.store.wal import sync_directory

CHUNK_BYTES = 1 << 20
UNFINISHED = ".tmp"
"""How names end of what is being written or removed; a start removes it."""


class NewFile:
    """A file that is being written: counts and checks its bytes (`size` and, once it is closed,
    `crc32`); fsynced when it is closed.

    Has what pyarrow asks of a file to write to. Every method raises OSError.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._held = bytearray()
        self.size = 0
        self.crc32 = 0

    @property
    def closed(self) -> bool:
        """Whether nothing more can be written."""
        return self._descriptor < 0

    def write(self, data: bytes | memoryview) -> int:
        """Take all of it; small pieces reach the file together."""
        view = memoryview(data).cast("B")
        if len(self._held) + len(view) > CHUNK_BYTES:
            self.flush()
        if len(view) > CHUNK_BYTES:
            self._put(view)
        else:
            self._held += view
        self.size += len(view)
        return len(view)

    def _put(self, view: memoryview) -> None:
        """Write in as many calls as the system wants."""
        self.crc32 = zlib.crc32(view, self.crc32)
        at = 0
        while at < len(view):
            at += os.write(self._descriptor, view[at:])

    def tell(self) -> int:
        """How many bytes were taken."""
        return self.size

    def flush(self) -> None:
        """Write what is held back."""
        held, self._held = self._held, bytearray()
        if held:
            self._put(memoryview(held))

    def readable(self) -> bool:
        """It is not."""
        return False

    def writable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is not."""
        return False

    def close(self) -> None:
        """Wait until the disk has it."""
        if self._descriptor >= 0:
            try:
                self.flush()
                os.fsync(self._descriptor)
            finally:
                descriptor, self._descriptor = self._descriptor, -1
                os.close(descriptor)

    def __enter__(self) -> NewFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def replace_file(path: Path, write: Callable[[NewFile], object]) -> None:
    """Write beside, then rename over `path`. Raises OSError; then what was there stays."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.unlink(missing_ok=True)
    try:
        with NewFile(temporary) as file:
            write(file)
        os.rename(temporary, path)
        sync_directory(path.parent)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def remove_directory(path: Path) -> None:
    """At once and as a whole. Raises OSError; then it is all there.

    What is left of it if the process ends meanwhile has another name, with UNFINISHED at its end.
    """
    gone = path.with_name(path.name + ".gone" + UNFINISHED)
    shutil.rmtree(gone, ignore_errors=True)
    os.rename(path, gone)
    shutil.rmtree(gone, ignore_errors=True)


def make_directory(path: Path) -> None:
    """Where it is not there. Raises StorageError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"this directory can't be made: {error.strerror}",
            where=Where(str(path)),
            advice="check who owns the data directory, and its mode",
        ) from error


def crc32_of(path: Path) -> int:
    """The checksum of a file's bytes. Raises OSError."""
    checksum = 0
    with path.open("rb") as file:
        while data := file.read(CHUNK_BYTES):
            checksum = zlib.crc32(data, checksum)
    return checksum


def link_tree(source: Path, target: Path) -> None:
    """The same files under `target` (made here) by hard links. Raises OSError."""
    target.mkdir(parents=True)
    for path in sorted(source.iterdir()):
        if path.is_dir():
            link_tree(path, target / path.name)
        else:
            os.link(path, target / path.name)
    sync_directory(target)
