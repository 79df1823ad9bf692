"""The `AlertSink` that judges write to: merges by fingerprint, resolves by time-out, made durable.

What the database does not take is held all the same, so that it can be paged for, and written when
the database is back; whoever emitted it is told that it is not durable. An alert that goes on
firing only moves its end in memory; the database is written when an alert begins or ends. So a
thousand alerts that fire at each tick cost no write, and after a restart each gets one more lease
in which its judge may speak again.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from alerts import state
from alerts.events import Event, EventKind, save_events
from alerts.leadership import ActingDatabase, FencedError
from alerts.state import StoredAlert
from collector.model.alert import Alert
from collector.model.errors import LimitError, StorageError, TocsinError
from collector.model.labels import Labels

MAX_ALERTS = 200_000
"""Alerts held at once, about 400 MB: beyond it a judge has gone wild, and is told so."""
ENDED_KEPT_MS = 15 * 60_000
"""An alert that ended is shown this long: as long as Prometheus sends its resolve again."""


def merge(
    old: StoredAlert | None,
    alert: Alert,
    now_ms: int,
    resolve_timeout_ms: int,
    fingerprint: str = "",
) -> StoredAlert | None:
    """The alert as it is held after an emission; None when there is nothing to hold.

    An end that was not given is `resolve_timeout_ms` from now. While an alert fires its earliest
    start holds, and the latest end that was given; one that fires anew after its end starts anew.
    The end of an alert that is not known, or ended before, changes nothing. Source: Alertmanager's
    types.Alert.Merge.
    """
    given = alert.ends_at_ms
    ends_at_ms = now_ms + resolve_timeout_ms if given is None else given
    ended = ends_at_ms <= now_ms
    fires = old is not None and not old.ended
    if ended and not fires:
        return None
    starts_at_ms = alert.starts_at_ms or now_ms
    if old is not None and fires:
        starts_at_ms = min(starts_at_ms, old.alert.starts_at_ms)
        if not ended and old.is_end_given and ends_at_ms < old.ends_at_ms:
            ends_at_ms = old.ends_at_ms
        alert = _complete(alert, old.alert)
    return StoredAlert(
        alert=replace(alert, starts_at_ms=starts_at_ms, ends_at_ms=None),
        fingerprint=old.fingerprint if old is not None else fingerprint or alert.fingerprint,
        ends_at_ms=ends_at_ms,
        lease_ms=max(ends_at_ms - now_ms, 0) or resolve_timeout_ms,
        updated_at_ms=now_ms,
        ended=ended,
        is_end_given=given is not None,
    )


def _complete(alert: Alert, old: Alert) -> Alert:
    """A resolve that brings no text keeps what was said when it fired."""
    if alert.annotations and alert.evidence:
        return alert
    return replace(
        alert,
        annotations=alert.annotations or old.annotations,
        evidence=alert.evidence or old.evidence,
        generator_url=alert.generator_url or old.generator_url,
    )


@dataclass(frozen=True, slots=True)
class Taken:
    """Alerts that are held now, and why they are not durable or not all there, if so."""

    merged: Sequence[StoredAlert]
    problem: TocsinError | None


class AlertInbox:
    """Every alert that fires or ended lately. Not safe for threads: the service holds its lock."""

    def __init__(self, database: ActingDatabase, now_ms: int) -> None:
        self._database = database
        self._unsaved: set[str] = set()
        self._alerts: dict[str, StoredAlert] = {}
        self.reload(now_ms)

    def reload(self, now_ms: int) -> None:
        """Hold what the database holds."""
        self._unsaved.clear()
        self._changes = {one.alert.labels: False for one in self._alerts.values()}
        with self._database.read() as connection:
            loaded = state.load_alerts(connection, now_ms)
        self._alerts = {stored.fingerprint: stored for stored in loaded}
        self._changes |= {one.alert.labels: not one.ended for one in loaded}

    def __len__(self) -> int:
        return len(self._alerts)

    def changes(self) -> Mapping[Labels, bool]:
        """Which alerts began (True) or ended since this was asked last."""
        changes, self._changes = self._changes, {}
        return changes

    def get(self, fingerprint: str) -> StoredAlert | None:
        """One alert."""
        return self._alerts.get(fingerprint)

    def all(self) -> list[StoredAlert]:
        """Every alert, also those that ended lately."""
        return list(self._alerts.values())

    def firing(self) -> list[StoredAlert]:
        """Alerts that have not ended."""
        return [stored for stored in self._alerts.values() if not stored.ended]

    def take(self, alerts: Sequence[Alert], now_ms: int, resolve_timeout_ms: int) -> Taken:
        """Merge alerts, and make durable what changed."""
        merged: dict[str, StoredAlert] = {}
        refused = 0
        for alert in alerts:
            fingerprint = alert.fingerprint
            old = merged.get(fingerprint) or self._alerts.get(fingerprint)
            if old is None and len(self._alerts) + len(merged) >= MAX_ALERTS:
                refused += 1
                continue
            stored = merge(old, alert, now_ms, resolve_timeout_ms, fingerprint)
            if stored is not None:
                merged[fingerprint] = stored
        problem: TocsinError | None = self._keep(merged.values())
        if refused:
            problem = LimitError(
                f"{refused} alerts refused: {MAX_ALERTS:,} are held already",
                advice="find the judge that makes them; MAX_ALERTS in alerts/inbox.py is the limit",
            )
        return Taken(list(merged.values()), problem)

    def unsaved(self) -> list[StoredAlert]:
        """Alerts whose last change the database has not taken."""
        return [self._alerts[one] for one in self._unsaved if one in self._alerts]

    def save_unsaved(self) -> None:
        """Try again to make durable what is not."""
        self._keep(self.unsaved())

    def end_silent(self, now_ms: int) -> list[StoredAlert]:
        """End the alerts whose judge was not heard in time."""
        late = [
            replace(stored, ended=True)
            for stored in self._alerts.values()
            if not stored.ended and stored.ends_at_ms <= now_ms
        ]
        self._keep(late)
        return late

    def forget_ended(self, held: Container[str], now_ms: int) -> list[str]:
        """Let go of alerts that ended a while ago and that no group waits for; gives them."""
        before_ms = now_ms - ENDED_KEPT_MS
        gone = [
            fingerprint
            for fingerprint, one in self._alerts.items()
            if one.ended and one.ends_at_ms < before_ms and fingerprint not in held
        ]
        if gone:
            with self._database.write() as connection:
                state.delete_alerts(connection, gone)
            for fingerprint in gone:
                del self._alerts[fingerprint]
        return gone

    def _keep(self, merged: Iterable[StoredAlert]) -> StorageError | None:
        """Hold alerts; the error if those that changed are not durable.

        Raises FencedError, and holds nothing, when another instance acts.
        """
        stored = list(merged)
        changed = [one for one in stored if self._has_changed(one)]
        problem = None
        if changed:
            try:
                with self._database.write() as connection:
                    state.save_alerts(connection, changed)
                    save_events(connection, map(_event, changed))
            except FencedError:
                raise
            except StorageError as error:
                problem = error
        names = {one.fingerprint for one in changed}
        self._changes.update((one.alert.labels, not one.ended) for one in changed)
        self._unsaved = self._unsaved | names if problem else self._unsaved - names
        self._alerts.update((one.fingerprint, one) for one in stored)
        return problem

    def _has_changed(self, stored: StoredAlert) -> bool:
        old = self._alerts.get(stored.fingerprint)
        return (
            old is None
            or stored.fingerprint in self._unsaved
            or old.ended != stored.ended
            or old.alert.starts_at_ms != stored.alert.starts_at_ms
        )


def _event(stored: StoredAlert) -> Event:
    alert = stored.alert
    said = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    ended_ms = max(stored.updated_at_ms, stored.ends_at_ms)
    return Event(
        at_ms=ended_ms if stored.ended else stored.updated_at_ms,
        kind=EventKind.RESOLVED if stored.ended else EventKind.FIRED,
        fingerprint=stored.fingerprint,
        text=f"{alert.name}: {said}" if said else alert.name,
        data={"labels": dict(alert.labels.pairs)},
    )
