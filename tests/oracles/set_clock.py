"""A machine's clock that somebody sets: time passes on both, who sets it changes the wall alone."""

from __future__ import annotations


class SetClock:
    """`wall_ms` may be set to anything at any time."""

    def __init__(self, now_ms: int) -> None:
        self.wall_ms = now_ms
        self.seconds = 5000.0

    def now_ms(self) -> int:
        return self.wall_ms

    def monotonic_seconds(self) -> float:
        return self.seconds

    def passes(self, ms: int) -> None:
        self.wall_ms += ms
        self.seconds += ms / 1000
