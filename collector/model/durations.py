"""Reads and writes Prometheus durations (`1h30m`), in milliseconds.

Source: https://prometheus.io/docs/prometheus/latest/querying/basics/#time-durations
"""

from __future__ import annotations

import re

from collector.model.errors import InputError

UNITS_MS: dict[str, int] = {
    "y": 365 * 24 * 3600 * 1000,
    "w": 7 * 24 * 3600 * 1000,
    "d": 24 * 3600 * 1000,
    "h": 3600 * 1000,
    "m": 60 * 1000,
    "s": 1000,
    "ms": 1,
}
MAX_MS = (2**63 - 1) // 1_000_000
"""About 292 years: what Prometheus holds, which counts nanoseconds in 64 bits."""
_MAX_CHARS = 60
_PATTERN = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?",
    re.ASCII,
)


def parse_duration_ms(text: str) -> int:
    """Milliseconds of a duration such as `1h30m`; units fall from left to right, `0` is allowed.

    Raises InputError for anything else.
    """
    stripped = text.strip()
    if stripped == "0":
        return 0
    match = _PATTERN.fullmatch(stripped) if len(stripped) <= _MAX_CHARS else None
    if not stripped or match is None:
        raise InputError(
            f"not a valid duration: {text[:_MAX_CHARS]!r}",
            advice="write numbers with the units y w d h m s ms, largest first, like 1h30m",
        )
    parts = zip(UNITS_MS.values(), match.groups(), strict=True)
    milliseconds = sum(unit * int(number) for unit, number in parts if number)
    if milliseconds > MAX_MS:
        raise InputError(f"duration out of range: {text!r}", advice="292y is the longest")
    return milliseconds


def format_duration(milliseconds: int) -> str:
    """The shortest Prometheus text of a duration; `parse_duration_ms` reads it back."""
    if milliseconds == 0:
        return "0s"
    rest, text = milliseconds, ""
    for unit, size in UNITS_MS.items():
        exact_only = unit in ("y", "w", "d")
        if (exact_only and rest % size) or rest < size:
            continue
        text += f"{rest // size}{unit}"
        rest %= size
    return text
