"""What one Alertmanager is to be told, and when again. Pure: values in, values out.

As Prometheus does it: an alert that fires is sent when it begins and each minute after, with an end
a few minutes ahead, so that it ends by itself when nobody tells of it any more; one that ended is
told for a quarter of an hour, so that no lost message leaves it firing.
Source: Prometheus's rules/manager.go (resendDelay) and rules/alerting.go (resolvedRetention).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from collector.model.alert import Alert
from collector.model.errors import LimitError

RESEND_MS = 60_000
LEASE_MS = 4 * RESEND_MS
"""How far ahead the end of an alert is that fires: four sends may be lost."""
RESOLVED_KEPT_MS = 15 * 60_000
MAX_ALERTS = 200_000
"""Alerts told of at once, as many as tocsin itself holds."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An alert, when its judge spoke of it last, and when it was told last (0: not yet)."""

    alert: Alert
    heard_ms: int
    told_ms: int = 0

    def over_ms(self) -> int:
        """When nothing more is said of it."""
        ended = self.alert.ends_at_ms
        return self.heard_ms + LEASE_MS if ended is None else ended + RESOLVED_KEPT_MS


class AlertBook:
    """The alerts of one Alertmanager. Not safe for threads."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def take(self, alerts: Iterable[Alert], now_ms: int) -> None:
        """Note what judges say; raises LimitError, after the others, for too many."""
        refused = 0
        for alert in alerts:
            old = self._entries.get(alert.fingerprint)
            if old is None and alert.ends_at_ms is not None and alert.ends_at_ms <= now_ms:
                continue
            if old is None and len(self._entries) >= MAX_ALERTS:
                refused += 1
                continue
            self._entries[alert.fingerprint] = _heard(old, alert, now_ms)
        if refused:
            raise LimitError(
                f"{refused} alerts are not sent on: {MAX_ALERTS:,} are told of already",
                advice="find the judge that makes them",
            )

    def due(self, now_ms: int) -> list[Alert]:
        """What is to be told now, each with the end that it is told with."""
        self._entries = {f: one for f, one in self._entries.items() if now_ms < one.over_ms()}
        late = (one for one in self._entries.values() if now_ms >= one.told_ms + RESEND_MS)
        return [_with_end(one) for one in late]

    def told(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """These were taken; what changed meanwhile is told again."""
        for alert in alerts:
            entry = self._entries.get(alert.fingerprint)
            if entry is not None and _with_end(entry) == alert:
                self._entries[alert.fingerprint] = replace(entry, told_ms=now_ms)

    def next_due_ms(self) -> int | None:
        """When something is to be told next."""
        return min((one.told_ms + RESEND_MS for one in self._entries.values()), default=None)


def _heard(old: Entry | None, alert: Alert, now_ms: int) -> Entry:
    if old is None:
        return Entry(alert, now_ms)
    if alert.ends_at_ms is None and old.alert.ends_at_ms is None:
        starts_at_ms = min(alert.starts_at_ms or now_ms, old.alert.starts_at_ms)
        alert = replace(alert, starts_at_ms=starts_at_ms)
    changed = (alert.ends_at_ms, alert.annotations) != (old.alert.ends_at_ms, old.alert.annotations)
    return Entry(alert, now_ms, 0 if changed and _matters(old.alert, alert) else old.told_ms)


def _matters(old: Alert, new: Alert) -> bool:
    """Whether a change can't wait: a beginning or an end; texts wait for the next minute."""
    return (old.ends_at_ms is None) != (new.ends_at_ms is None)


def _with_end(entry: Entry) -> Alert:
    if entry.alert.ends_at_ms is not None:
        return entry.alert
    return replace(entry.alert, ends_at_ms=entry.heard_ms + LEASE_MS)
