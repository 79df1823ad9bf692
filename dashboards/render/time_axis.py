"""Where the marks of a time axis lie and what they say: round times of day, UTC, dates at midnight.

UTC is written at the axis: people who compare a picture with a log must not guess.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from dashboards.render.scene import Path, Shape, Text

DAY_MS = 86_400_000
MAX_MARKS = 7
_STEPS_SECONDS = (
    *(1, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400),
    *(day * 86_400 for day in (2, 5, 7, 14, 30, 90)),
)


def time_axis(
    left: float, right: float, bottom: float, start_ms: int, end_ms: int
) -> Iterator[Shape]:
    """Marks under a picture that runs from `start_ms` at `left` to `end_ms` at `right`."""
    yield Text(left - 6, bottom + 16, "UTC", "chart-text", "end")
    span_ms = max(1, end_ms - start_ms)
    step_ms = _step_ms(span_ms)
    for at_ms in range(-(-start_ms // step_ms) * step_ms, end_ms + 1, step_ms):
        x = left + (at_ms - start_ms) / span_ms * (right - left)
        yield Path([(x, bottom), (x, bottom + 4)], "grid")
        yield Text(x, bottom + 16, mark_text(at_ms, step_ms), "chart-text", "middle")


def mark_text(at_ms: int, step_ms: int) -> str:
    """`13:05`, with seconds where marks are that close, `Nov 21` at midnight and for days."""
    if step_ms >= DAY_MS or at_ms % DAY_MS == 0:
        pattern = "%b %d"
    else:
        pattern = "%H:%M:%S" if step_ms < 60_000 else "%H:%M"
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime(pattern)


def _step_ms(span_ms: int) -> int:
    steps = (seconds * 1000 for seconds in _STEPS_SECONDS)
    years = -(-span_ms // (MAX_MARKS * 365 * DAY_MS))
    return next((step for step in steps if span_ms / step <= MAX_MARKS), years * 365 * DAY_MS)
