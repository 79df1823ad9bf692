"""64-bit key -> number, by open addressing over arrays: a whole request is one numba call."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from collector.model.samples import Int64s

Keys = NDArray[np.uint64]
UNKNOWN = -1

_EMPTY = np.uint64(0)
_FIRST_SIZE = 1024


@njit(cache=True, nogil=True)
def _find_all(table_keys, table_numbers, keys):  # type: ignore[no-untyped-def]
    numbers = np.empty(keys.size, dtype=np.int64)
    mask = np.uint64(table_keys.size - 1)
    for i in range(keys.size):
        place = keys[i] & mask
        number = np.int64(UNKNOWN)
        while table_keys[place] != _EMPTY:
            if table_keys[place] == keys[i]:
                number = table_numbers[place]
                break
            place = (place + np.uint64(1)) & mask
        numbers[i] = number
    return numbers


@njit(cache=True, nogil=True)
def _insert_all(table_keys, table_numbers, keys, numbers):  # type: ignore[no-untyped-def]
    """Answers how many keys were not there before."""
    mask = np.uint64(table_keys.size - 1)
    fresh = 0
    for i in range(keys.size):
        if keys[i] == _EMPTY:
            continue
        place = keys[i] & mask
        while table_keys[place] != _EMPTY and table_keys[place] != keys[i]:
            place = (place + np.uint64(1)) & mask
        fresh += table_keys[place] == _EMPTY
        table_keys[place] = keys[i]
        table_numbers[place] = numbers[i]
    return fresh


class KeyTable:
    """At most half full; the key 0 is never found, and so is learnt each time."""

    def __init__(self) -> None:
        self._keys: Keys = np.zeros(_FIRST_SIZE, dtype=np.uint64)
        self._numbers: Int64s = np.zeros(_FIRST_SIZE, dtype=np.int64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def find(self, keys: Keys) -> Int64s:
        """The number of each key (int64[n]), UNKNOWN where it has none."""
        numbers: Int64s = _find_all(self._keys, self._numbers, keys)
        return numbers

    def learn(self, keys: Keys, numbers: Int64s) -> None:
        """Remember the number of each key; the last word wins."""
        self._make_room(len(keys))
        self._count += int(_insert_all(self._keys, self._numbers, keys, numbers))

    def _make_room(self, more: int) -> None:
        size = len(self._keys)
        if (self._count + more) * 2 <= size:
            return
        while (self._count + more) * 2 > size:
            size *= 2
        keys, numbers = self._keys, self._numbers
        self._keys = np.zeros(size, dtype=np.uint64)
        self._numbers = np.zeros(size, dtype=np.int64)
        _insert_all(self._keys, self._numbers, keys, numbers)
