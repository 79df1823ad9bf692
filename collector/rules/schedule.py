"""When a group is evaluated: at multiples of its interval, shifted by a hash of its name. Pure.

The shift spreads groups over the interval and stays the same over restarts, so that a group's
series keep their rhythm.
"""

from __future__ import annotations

from collector.model.labels import Labels


def offset_ms(file: str, name: str, interval_ms: int) -> int:
    """The group's shift within its interval."""
    return Labels({"file": file, "name": name}).stable_hash() % interval_ms


def next_ms(now_ms: int, interval_ms: int, shift_ms: int) -> int:
    """The first time of evaluation after `now_ms`."""
    return now_ms - (now_ms - shift_ms) % interval_ms + interval_ms


def missed(due_ms: int, now_ms: int, interval_ms: int) -> int:
    """How many evaluations after the one at `due_ms` should have begun by now."""
    return max(0, (now_ms - due_ms) // interval_ms)
