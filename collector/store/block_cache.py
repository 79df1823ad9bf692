"""Decoded row groups of all blocks, the least recently used forgotten first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from collector.model.samples import Int64s

CACHED_ROW_GROUPS = 64
"""Decoded row groups that a store keeps for the next query: 64 MB."""


class RowGroups:
    """Columns of samples by file and number of the row group."""

    def __init__(self, limit: int = CACHED_ROW_GROUPS) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, int], Int64s] = OrderedDict()

    def values(self, path: Path, number: int, read: Callable[[int], Int64s]) -> Int64s:
        """The samples of one row group, from memory or by `read(number)`."""
        key = (path, number)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        values = read(number)
        with self._lock:
            self._kept[key] = values
            while len(self._kept) > self._limit:
                self._kept.popitem(last=False)
        return values

    def forget(self, directory: Path) -> None:
        """Drop the row groups of a block that is removed."""
        with self._lock:
            for key in [key for key in self._kept if key[0].parent == directory]:
                del self._kept[key]
