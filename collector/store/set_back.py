"""Whether rows that come late come from a clock that ran ahead and was set right.

No row is dated further ahead of the clock than `MAX_AHEAD_MS`. So if the clock agrees with a row
that is older than the newest by more, the clock was ahead when the newest came, or is behind now.
Which of the two is told by what is stored of the minutes to come: nothing when the clock had jumped
over them. The store then goes on from the clock's time. Where there are samples, going on would mix
two pasts, and rows are refused as any that are too old.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from collector.model.clock import Clock

log = logging.getLogger(__name__)

MAX_AHEAD_MS = 10 * 60 * 1000
"""What ingest lets a row be ahead of the clock: one that is further ahead came by a wrong clock."""
SKEW_MS = 60 * 1000
"""Who sends in, dated by a clock of its own, may be so far ahead and no jump is meant."""
LOOK_AGAIN_SECONDS = 10.0
"""Between two looks for samples of the time to come; the rows between are refused."""
_NO_TIME_MS = 2**62


@dataclass(frozen=True, slots=True)
class SetBack:
    """The clock went back: on from `at_ms`. What is later than `ahead_ms` came while it was ahead.

    Deletions up to the number `cleaned` hide what was there before, nothing that comes.
    """

    at_ms: int
    ahead_ms: int
    cleaned: int

    @classmethod
    def deletion(cls, number: int) -> SetBack:
        """No clock was set, but samples of a time to come are deleted: others will come."""
        return cls(_NO_TIME_MS, _NO_TIME_MS, number)


class SetBackWatch:
    """Asked by the store, under its lock, about each row that is much older than the newest.

    `is_empty(after_ms, until_ms)` tells whether nothing is stored of `(after_ms, until_ms]`.
    """

    def __init__(self, clock: Clock, is_empty: Callable[[int, int], bool]) -> None:
        self._clock = clock
        self._is_empty = is_empty
        self._look_at_seconds = float("-inf")
        self._is_told = False

    def seen(self, row_ms: int, newest_ms: int, cleaned: int) -> SetBack | None:
        """What to do before a row of this time is stored; None: nothing.

        `cleaned`: the number of the last deletion.
        """
        now_ms = self._clock.now_ms()
        ahead_ms = now_ms + MAX_AHEAD_MS
        if newest_ms <= ahead_ms or row_ms > ahead_ms:
            return None
        seconds = self._clock.monotonic_seconds()
        if seconds < self._look_at_seconds:
            return None
        if self._is_empty(now_ms + SKEW_MS, ahead_ms):
            self._is_told = False
            self._tell_set_right(now_ms, newest_ms)
            return SetBack(min(row_ms - 1, now_ms), ahead_ms, cleaned)
        self._look_at_seconds = seconds + LOOK_AGAIN_SECONDS
        self._tell_refused(now_ms, newest_ms)
        return None

    def _tell_set_right(self, now_ms: int, newest_ms: int) -> None:
        log.warning(
            "the clock was set back to %s: samples dated up to %s were stored while it was ahead."
            " What comes is stored as ever; those stay where they are dated until you delete them"
            " (POST /api/v1/admin/tsdb/delete_series with start=%s)",
            _text(now_ms),
            _text(newest_ms),
            _text(now_ms + MAX_AHEAD_MS),
        )

    def _tell_refused(self, now_ms: int, newest_ms: int) -> None:
        if not self._is_told:
            self._is_told = True
            log.error(
                "the clock says %s, and there are samples of the time after it, up to %s: until"
                " then samples may be refused as too_old. If the clock is wrong, set it right; if"
                " it is right now, delete what is later (POST /api/v1/admin/tsdb/delete_series"
                " with start=%s), and they are stored again",
                _text(now_ms),
                _text(newest_ms),
                _text(now_ms),
            )


def _text(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
