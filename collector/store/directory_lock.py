"""One process at a time in a data directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from collector.model.errors import StorageError, Where


def lock_directory(directory: Path) -> int:
    """Make the directory where it is absent and lock it; the lock goes with the descriptor.

    Raises StorageError when another process holds it or the directory can't be used.
    """
    descriptor = -1
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise StorageError(
            "another tocsin is using this data directory",
            where=Where(str(directory)),
            advice="stop it, or give this one another data directory",
        ) from error
    except OSError as error:
        raise StorageError(
            f"the data directory can't be used: {error.strerror}",
            where=Where(str(directory)),
            advice="check its path, owner and mode, or give another data directory",
        ) from error
    return descriptor
