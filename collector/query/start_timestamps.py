"""What start timestamps tell of counters: a reset that values hide, or times that contradict.

A start timestamp says when a counter began at zero; 0 is unknown. Source: promql/functions.go of
Prometheus 3 (`isStartTimestampReset`, `checkStartTimeOverlap`).
"""

from __future__ import annotations


def is_start_reset(before_began_ms: int, before_ms: int, began_ms: int, time_ms: int) -> bool:
    """Whether the counter began anew after the sample before.

    One that begins exactly at the sample before is a delta, unless the start of that sample is
    unknown: OpenTelemetry's cumulative points of unknown start look so.
    """
    if began_ms == 0 or began_ms >= time_ms or began_ms < before_ms:
        return False
    if began_ms > before_ms:
        return True
    return before_began_ms != 0 and before_began_ms < before_ms


def overlaps(before_began_ms: int, before_ms: int, began_ms: int) -> bool:
    """Whether a counter claims to have begun before the sample before it, at another time."""
    return began_ms != 0 and began_ms < before_ms and began_ms != before_began_ms
