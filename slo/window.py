"""`Window`: the rolling span of time over which a budget is kept, as a left-open range of ms.

`calendar_window` has the other kind, with the same members.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from collector.model.durations import UNITS_MS, format_duration
from collector.model.errors import ConfigError

MINUTE_MS = UNITS_MS["m"]
DAY_MS = UNITS_MS["d"]
MAX_WINDOW_MS = 400 * DAY_MS
"""Thirteen months: the ledger keeps an hourly row for twice this long and no longer."""


@dataclass(frozen=True, slots=True)
class Window:
    """The last `duration_ms` milliseconds. Raises ConfigError outside (0, MAX_WINDOW_MS]."""

    duration_ms: int

    def __post_init__(self) -> None:
        if not 0 < self.duration_ms <= MAX_WINDOW_MS:
            raise ConfigError(
                f"a window of {self.duration_ms} ms is not in 0 to {window_text(MAX_WINDOW_MS)}",
                advice="28d and 30d are usual",
            )

    def start_ms(self, now_ms: int) -> int:
        """Events after this time count at `now_ms`."""
        return now_ms - self.duration_ms

    def end_ms(self, now_ms: int) -> int:
        """A rolling window ends now."""
        return now_ms

    @property
    def phrase(self) -> str:
        """`the last 30d`, as sentences say it."""
        return f"the last {self.text}"

    @property
    def text(self) -> str:
        """`30d`, as labels and specs write it."""
        return window_text(self.duration_ms)


@lru_cache(maxsize=1024)
def window_text(duration_ms: int) -> str:
    """`28d` (never `4w`: SLOs are spoken of in days), `1h30m`, `5m`."""
    if duration_ms and duration_ms % DAY_MS == 0:
        return f"{duration_ms // DAY_MS}d"
    return format_duration(duration_ms)
