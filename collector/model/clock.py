"""The only file that may read a clock; every other one is given a `Clock`."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC; may jump when the machine's clock is set."""
        ...

    def monotonic_seconds(self) -> float:
        """Seconds since some start; never jumps; for measuring how long something took."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1_000_000

    def monotonic_seconds(self) -> float:
        """Seconds of the monotonic clock."""
        return time.perf_counter()


class ManualClock:
    """A clock that stands still until it is told: what decides at night is tested at noon."""

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Milliseconds that were set last."""
        return self._now_ms

    def monotonic_seconds(self) -> float:
        """The same time in seconds."""
        return self._now_ms / 1000

    def advance(self, ms: int) -> None:
        """Move time by `ms` milliseconds (negative: back)."""
        self._now_ms += ms
