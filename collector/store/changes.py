"""`Changes`: from which time on the samples may differ from what was read before; for caches.

Knows times only, not series: a write says at which time it was, a reader asks for the earliest
time of all writes since it last looked. Times are kept to the second and the oldest writes are
told as if they had been earlier, so that a cache may forget too much and never too little.
"""

from __future__ import annotations

from bisect import bisect_right

MAX_MARKS = 4_096
"""Over an hour of writes that come in order, a mark a second: 300 kB."""
GRAIN_MS = 1_000
NOTHING_CHANGED_MS = 2**62
ALL_OF_TIME_MS = -(2**62)
"""To note when samples are gone and it is not known of which time."""


class Changes:
    """Not safe from several threads: the store's lock guards it."""

    def __init__(self) -> None:
        self._version = 0
        # of each mark: the last version that it stands for, and the earliest time; both ascend
        self._versions: list[int] = []
        self._times: list[int] = []

    def note(self, from_ms: int) -> None:
        """Samples at `from_ms` or later were written or removed; to be told once they are."""
        self._version += 1
        from_ms = from_ms // GRAIN_MS * GRAIN_MS
        while self._times and self._times[-1] >= from_ms:
            self._times.pop()
            self._versions.pop()
        self._versions.append(self._version)
        self._times.append(from_ms)
        if len(self._times) > MAX_MARKS:
            self._times[1] = self._times[0]
            del self._times[0], self._versions[0]

    def since(self, version: int) -> tuple[int, int]:
        """The version now, and the earliest time that changed after `version`."""
        at = bisect_right(self._versions, version)
        earliest_ms = self._times[at] if at < len(self._times) else NOTHING_CHANGED_MS
        return self._version, earliest_ms
