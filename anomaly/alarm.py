"""When a score becomes an alert: persistence, hysteresis and hold-off as a pure step function.

An alert starts when the score was at or over the threshold at three ticks in a row, ends when it
was under the lower mark at five ticks in a row, and does not start again within ten minutes of its
end. A tick without a score changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from anomaly.threshold import THRESHOLD

PERSISTENCE_TICKS = 3
CLEAR_TICKS = 5
CLEAR_SCORE = 0.35
"""Under this the series is ordinary again; between it and the threshold nothing changes."""
HOLD_OFF_MS = 10 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Alarm:
    """Where one series stands: `since_ms` while it fires; start and end of the last alert."""

    since_ms: int | None = None
    started_ms: int = 0
    ended_ms: int | None = None
    ticks_over: int = 0
    ticks_under: int = 0

    @property
    def is_firing(self) -> bool:
        """Whether the alert has started and not ended."""
        return self.since_ms is not None


QUIET = Alarm()


def step(alarm: Alarm, score: float | None, now_ms: int) -> Alarm:
    """The alarm after one more tick."""
    if score is None:
        return alarm
    over = alarm.ticks_over + 1 if score >= THRESHOLD else 0
    under = alarm.ticks_under + 1 if score < CLEAR_SCORE else 0
    counted = replace(alarm, ticks_over=over, ticks_under=under)
    if alarm.is_firing:
        ended = Alarm(started_ms=alarm.started_ms, ended_ms=now_ms)
        return ended if under >= CLEAR_TICKS else counted
    held = alarm.ended_ms is not None and now_ms < alarm.ended_ms + HOLD_OFF_MS
    if over >= PERSISTENCE_TICKS and not held:
        return replace(counted, since_ms=now_ms, started_ms=now_ms)
    return counted
