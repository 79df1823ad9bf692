"""What begins and ceases to hold alerts back, told as events: silenced, inhibited, muted, shown.

Looked at whenever a group is asked. What a process saw it keeps in memory: after a restart an alert
that is still held back is told of once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from alerts.dispatch import Group, Hiding
from alerts.events import Event, EventKind
from alerts.mute_times import is_muted
from alerts.silence import hiding
from alerts.state import StoredAlert

SeenState = tuple[EventKind, str]
SHOWN: SeenState = (EventKind.SHOWN, "nothing holds it back any more")


class HidingWatch:
    """The last state of each alert in each group. Not safe for threads."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], SeenState] = {}

    def changes(self, group: Group, members: Sequence[StoredAlert], hidden: Hiding) -> list[Event]:
        """What changed for a group's alerts since the changes that were remembered last."""
        muted = _muted(group, hidden)
        found = []
        for stored in members:
            now = muted or _held_back(stored, hidden)
            if not stored.ended and now != self._seen.get((group.key, stored.fingerprint), SHOWN):
                found.append(_event(group, stored, now, hidden.now_ms))
        return found

    def remember(self, changes: Iterable[Event]) -> None:
        """Take over changes that are durable."""
        for event in changes:
            self._seen[event.group_key, event.fingerprint] = event.kind, event.text

    def forget(self, group_key: str, fingerprints: Iterable[str]) -> None:
        """Let go of alerts that left a group."""
        for fingerprint in fingerprints:
            self._seen.pop((group_key, fingerprint), None)


def _muted(group: Group, hidden: Hiding) -> SeenState | None:
    route = group.route
    names = (route.mute_time_intervals, route.active_time_intervals)
    muted = is_muted(hidden.now_ms, *names, hidden.intervals)
    return (EventKind.MUTED, f"the route does not speak now: {muted}") if muted else None


def _held_back(stored: StoredAlert, hidden: Hiding) -> SeenState:
    labels = stored.alert.labels
    source = hidden.inhibitor.hidden_by(labels)
    if source is not None:
        return EventKind.INHIBITED, f"inhibited by {source}"
    silences = hiding(hidden.silences, labels, hidden.now_ms)
    if silences:
        return EventKind.SILENCED, f"silenced by {', '.join(silences)}"
    return SHOWN


def _event(group: Group, stored: StoredAlert, now: SeenState, now_ms: int) -> Event:
    return Event(now_ms, now[0], 0, group.key, stored.fingerprint, text=now[1])
