"""The time by which samples are cut and deleted: the wall clock, as far as it can be believed.

A clock that jumps ahead would make everything look past its retention. So a jump is believed only
once it has lasted; until then time goes on from before it. A jump back costs nothing and is
believed at once.
"""

from __future__ import annotations

import logging
import threading

from collector.model.clock import Clock

log = logging.getLogger(__name__)

MAX_JUMP_MS = 10 * 60 * 1000
"""What a correction of the clock may add at once."""
BELIEVED_AFTER_SECONDS = 3600.0
"""Who set a clock wrong has that long to set it right, before anything is deleted."""


class SteadyTime:
    """`newest_ms`: the store's newest sample at start, -1 when it is empty.

    A start later than that by more than `silence_ms` counts as a jump. Any thread may ask.
    """

    def __init__(self, clock: Clock, newest_ms: int, silence_ms: int) -> None:
        self._clock = clock
        wall_ms = clock.now_ms()
        is_silent = 0 <= newest_ms < wall_ms - silence_ms
        self._believed_ms = newest_ms if is_silent else wall_ms
        self._at_seconds = clock.monotonic_seconds()
        self._jumped_at_seconds: float | None = None
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        """Milliseconds since 1970 that may be acted upon."""
        with self._lock:
            return self._now_ms()

    def _now_ms(self) -> int:
        wall_ms, seconds = self._clock.now_ms(), self._clock.monotonic_seconds()
        expected_ms = self._believed_ms + int((seconds - self._at_seconds) * 1000)
        if wall_ms - expected_ms > MAX_JUMP_MS and not self._has_lasted(seconds):
            self._note(wall_ms - expected_ms, seconds)
            return expected_ms
        self._believed_ms, self._at_seconds = wall_ms, seconds
        self._jumped_at_seconds = None
        return wall_ms

    def _has_lasted(self, seconds: float) -> bool:
        since = self._jumped_at_seconds
        return since is not None and seconds - since >= BELIEVED_AFTER_SECONDS

    def _note(self, jump_ms: int, seconds: float) -> None:
        if self._jumped_at_seconds is None:
            self._jumped_at_seconds = seconds
            log.warning(
                "the clock is %d s ahead of what it should be: for %d minutes nothing is deleted"
                " by it; set it right if it is wrong",
                jump_ms // 1000,
                BELIEVED_AFTER_SECONDS // 60,
            )
