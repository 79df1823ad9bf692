"""How long to wait before a message is tried again. Pure."""

from __future__ import annotations

FIRST_BACKOFF_MS = 1_000
MAX_BACKOFF_MS = 5 * 60_000
"""A receiver that was away for hours is asked again every five minutes."""


def backoff_ms(attempts: int, jitter_ratio: float) -> int:
    """How long to wait after the given number of attempts (1 or more).

    1 s, 2 s, 4 s, ... up to MAX_BACKOFF_MS; `jitter_ratio` in [0, 1) takes up to half of it off.
    """
    full = min(FIRST_BACKOFF_MS * 2 ** min(attempts - 1, 30), MAX_BACKOFF_MS)
    return int(full * (1 - jitter_ratio / 2))
