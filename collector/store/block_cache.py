"""Decoded row groups of all blocks, the least recently used forgotten first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from collector.store.narrow import Narrow

MAX_CACHED_BYTES = 128 * 1024 * 1024
"""Decoded samples that a store keeps for the next query: a day of 10,000 counters at 15 s, which
mostly grow by less than 128, takes 60 MB; floats take eight times as much.
"""


class RowGroups:
    """Columns of samples by file and number of the row group."""

    def __init__(self, max_bytes: int = MAX_CACHED_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, int], Narrow] = OrderedDict()
        self.nbytes = 0

    def values(self, path: Path, number: int, read: Callable[[int], Narrow]) -> Narrow:
        """The samples of one row group, from memory or by `read(number)`."""
        key = (path, number)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        values = read(number)
        with self._lock:
            self._drop(key)
            self._kept[key] = values
            self.nbytes += values.nbytes
            while self.nbytes > self._max_bytes:
                self._drop(next(iter(self._kept)))
        return values

    def forget(self, directory: Path) -> None:
        """Drop the row groups of a block that is removed."""
        with self._lock:
            for key in [key for key in self._kept if key[0].parent == directory]:
                self._drop(key)

    def _drop(self, key: tuple[Path, int]) -> None:
        if key in self._kept:
            self.nbytes -= self._kept.pop(key).nbytes
