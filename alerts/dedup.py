"""What a receiver was told last + how the group is now -> a `Reason` to tell it more, or nothing.

Pure. Source: Alertmanager's notify/dedup_stage.go.
"""

from __future__ import annotations

from dataclasses import dataclass

from alerts.notification import Reason


@dataclass(frozen=True, slots=True)
class Told:
    """What one integration was last told of one group: fingerprints, and when."""

    firing: frozenset[str]
    resolved: frozenset[str]
    at_ms: int


def decide(
    told: Told | None,
    firing: frozenset[str],
    resolved: frozenset[str],
    *,
    send_resolved: bool,
    repeat_ms: int,
    now_ms: int,
) -> Reason | None:
    """The reason to notify now, or None.

    ALL_RESOLVED is given even without `send_resolved`, so that the log forgets what fired.
    """
    if told is None:
        return Reason.FIRST if firing else None
    if not firing <= told.firing:
        return Reason.NEW_ALERTS if told.firing else Reason.FIRST
    if not firing:
        return Reason.ALL_RESOLVED if told.firing else None
    if send_resolved and not resolved <= told.resolved:
        return Reason.NEW_RESOLVED
    return Reason.REPEAT if told.at_ms < now_ms - repeat_ms else None
