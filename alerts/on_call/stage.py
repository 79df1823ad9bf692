"""The stage after dedup: which groups open, join, reopen or end an incident, and what that keeps
from being said. Pure.

A group that is first told of opens an incident. One whose alerts all belong to an open incident
joins it: the same trouble on another route. One that fires again soon after its incident ended
opens that again. An acknowledged incident repeats nothing; a snoozed one tells its end only; what a
person resolved stays quiet until an alert begins anew. Severity `none` and receivers without any
integration are no incident: nobody is to be told of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from alerts.delivery_log import Decision
from alerts.events import Event, EventKind
from alerts.notification import IncidentBrief, Reason
from alerts.on_call import incident as acts
from alerts.on_call.incident import NO_PROGRESS, Change, Incident, Progress
from alerts.on_call.severity import Severity, incident_severity, is_no_incident, worse
from alerts.on_call.title import shared_labels, title_of
from alerts.state import StoredAlert
from collector.model.alert import Alert
from collector.model.labels import Labels

MAX_ALERTS_KEPT = 1_000
"""Alerts that an incident remembers; more are counted."""
NEWS = (Reason.FIRST, Reason.NEW_ALERTS)


@dataclass(frozen=True, slots=True)
class Asked:
    """A group that was asked: `shown` are its alerts that nothing hides, `fires` whether any of its
    alerts does, hidden or not; `has_places` whether anybody would be told.
    """

    group_key: str
    receiver: str
    shown: Sequence[StoredAlert]
    fires: bool
    ended_at_ms: int
    has_places: bool
    decisions: Sequence[Decision]

    @property
    def firing(self) -> list[Alert]:
        """Alerts that fire and are not hidden."""
        return [stored.alert for stored in self.shown if not stored.ended]


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who an incident of some labels and severity belongs to, and how it begins to escalate."""

    team: str = ""
    progress: Progress = NO_PROGRESS


@dataclass(frozen=True, slots=True)
class Known:
    """What is known before a round: the last incident of each group, the open incidents that hold
    each alert with their numbers, the groups of incidents that may end, and the next number.
    """

    last: Mapping[str, Incident]
    holders: Mapping[str, frozenset[int]]
    open: Mapping[int, Incident]
    groups: Mapping[int, Sequence[str]]
    next_number: int


@dataclass(slots=True)
class Outcome:
    """What a round makes: decisions that remain, incidents that changed, and their parts."""

    decisions: list[Decision] = field(default_factory=list)
    incidents: dict[int, Incident] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    links: dict[str, int] = field(default_factory=dict)
    alerts: dict[int, list[Alert]] = field(default_factory=dict)


class IncidentStage:
    """Judges groups that were asked; `own`: whose an incident is, `brief`: what is told of it."""

    def __init__(
        self,
        own: Callable[[Labels, Severity, int], Ownership],
        brief: Callable[[Incident, int], IncidentBrief],
        reopen_within_ms: int,
    ) -> None:
        self._own = own
        self._brief = brief
        self._reopen_within_ms = reopen_within_ms

    def judge(
        self, asked: Sequence[Asked], known: Known, fires: Callable[[str], bool], now_ms: int
    ) -> Outcome:
        """The outcome of one round; `fires` says whether a group has an alert that fires."""
        round_ = _Round(self, known, now_ms)
        for one in asked:
            round_.take(one, fires)
        return round_.outcome

    def progress_of(self, incident: Incident, now_ms: int) -> Progress:
        """The escalation of an incident as one that begins now."""
        return self._own(incident.labels, incident.severity, now_ms).progress

    def opened(self, number: int, asked: Asked, asked_ms: int, now_ms: int) -> Change:
        """The incident that a group opens; its receiver counts as asked at `asked_ms`."""
        firing = asked.firing
        severity, labels = incident_severity(firing), shared_labels(firing)
        own = self._own(labels, severity, now_ms)
        incident = Incident(
            number,
            "triggered",
            severity,
            title_of(firing),
            now_ms,
            labels,
            team=own.team,
            asked={asked.receiver: asked_ms},
            progress=own.progress,
        )
        text = f"{incident.title} ({severity})"
        data = {"alerts": len(firing), "team": own.team, "receiver": asked.receiver}
        return acts.told(incident, EventKind.OPENED, now_ms, "tocsin", text, data)

    def may_reopen(self, last: Incident, now_ms: int) -> bool:
        """Whether an incident that ended by itself goes on."""
        return not last.resolved_by and now_ms - last.resolved_at_ms <= self._reopen_within_ms

    def briefed(self, decision: Decision, incident: Incident) -> Decision:
        """The decision with what its message says of the incident."""
        notification = decision.notification
        if notification is None:
            return decision
        brief = self._brief(incident, notification.at_ms)
        told = replace(notification, incident=brief)
        if notification.reason is Reason.CHANGED:
            # two acts may fall into one millisecond: what they tell is part of the message's name
            named = "\0".join((notification.id, brief.status, *brief.story))
            told = replace(told, id=hashlib.sha256(named.encode()).hexdigest()[:32])
        return replace(decision, notification=told)


class _Round:
    """One round of the stage: later groups see the incidents that earlier ones opened."""

    def __init__(self, stage: IncidentStage, known: Known, now_ms: int) -> None:
        self._stage = stage
        self._known = known
        self._now_ms = now_ms
        self._next_number = known.next_number
        self._opened_with: dict[str, frozenset[int]] = {}
        self.outcome = Outcome()

    def take(self, asked: Asked, fires: Callable[[str], bool]) -> None:
        """One group."""
        incident = self._current(asked.group_key)
        was_open = incident is not None and incident.is_open
        if not was_open and asked.firing:
            incident = self._begun(asked, incident)
        if incident is None:
            self.outcome.decisions += asked.decisions
            return
        if incident.is_open and asked.firing and (asked.decisions or not was_open):
            # without a decision there is nothing new in the group
            incident = self._grown(incident, asked)
        kept = [one for one in asked.decisions if _is_told(incident, one)]
        if (
            incident.is_open
            and not asked.fires
            and not self._fires_elsewhere(incident, asked, fires)
        ):
            change = acts.resolve(incident, "", self._now_ms, ended_at_ms=asked.ended_at_ms)
            incident = self._keep(change or Change(incident))
        self.outcome.decisions += [self._stage.briefed(one, incident) for one in kept]

    def _current(self, group_key: str) -> Incident | None:
        last = self._known.last.get(group_key)
        return self.outcome.incidents.get(last.number, last) if last is not None else None

    def _numbered(self, number: int) -> Incident | None:
        return self.outcome.incidents.get(number) or self._known.open.get(number)

    def _begun(self, asked: Asked, last: Incident | None) -> Incident | None:
        """The incident that a firing group without an open one has from now on."""
        if all(map(is_no_incident, asked.firing)):
            return None
        if last is not None and last.resolved_by and not _is_fresh(asked, last):
            return last
        joined = self._covering(asked.firing)
        if joined:
            self.outcome.links[asked.group_key] = joined
            return self._numbered(joined)
        if not asked.has_places:
            return None
        if last is not None and self._stage.may_reopen(last, self._now_ms):
            progress = self._stage.progress_of(last, self._now_ms)
            return self._keep(acts.reopen(last, self._now_ms, progress))
        asked_ms = self._now_ms if last is not None and last.resolved_by else 0
        change = self._stage.opened(self._next_number, asked, asked_ms, self._now_ms)
        opened = self._keep(change)
        self._next_number += 1
        self.outcome.links[asked.group_key] = opened.number
        return opened

    def _covering(self, firing: Sequence[Alert]) -> int:
        """The open incident of this round or before that has all of these alerts, or 0."""
        shared: frozenset[int] | None = None
        for alert in firing:
            fingerprint = alert.fingerprint
            holders = self._known.holders.get(fingerprint, frozenset())
            holders |= self._opened_with.get(fingerprint, frozenset())
            shared = holders if shared is None else shared & holders
            if not shared:
                return 0
        return min(shared or (0,))

    def _grown(self, incident: Incident, asked: Asked) -> Incident:
        """The incident with the alerts that it did not have yet."""
        firing, number = asked.firing, incident.number
        severity = worse(incident.severity, incident_severity(firing))
        new = [alert for alert in firing if not self._has(number, alert.fingerprint)]
        asked_of = {asked.receiver: acts.NEVER_MS, **incident.asked}
        same = (severity, len(asked_of)) == (incident.severity, len(incident.asked))
        if not new and same:
            return incident
        room = max(MAX_ALERTS_KEPT - incident.alert_count, 0)
        count = incident.alert_count + len(new) if room else max(incident.alert_count, len(firing))
        self.outcome.alerts.setdefault(number, []).extend(new[:room])
        for alert in new[:room]:
            held = self._opened_with.get(alert.fingerprint, frozenset())
            self._opened_with[alert.fingerprint] = held | {number}
        progress = incident.progress
        if severity != incident.severity and not progress.policy:
            progress = self._stage.progress_of(replace(incident, severity=severity), self._now_ms)
        grown = replace(
            incident, severity=severity, alert_count=count, asked=asked_of, progress=progress
        )
        return self._keep(Change(grown))

    def _has(self, number: int, fingerprint: str) -> bool:
        holders = self._known.holders.get(fingerprint, frozenset())
        return number in holders or number in self._opened_with.get(fingerprint, frozenset())

    def _fires_elsewhere(
        self, incident: Incident, asked: Asked, fires: Callable[[str], bool]
    ) -> bool:
        keys: Iterable[str] = self._known.groups.get(incident.number, ())
        here = [key for key, number in self.outcome.links.items() if number == incident.number]
        return any(fires(key) for key in {*keys, *here} - {asked.group_key})

    def _keep(self, change: Change) -> Incident:
        self.outcome.incidents[change.incident.number] = change.incident
        self.outcome.events += change.events
        return change.incident


def _is_fresh(asked: Asked, last: Incident) -> bool:
    """Whether an alert began after a person resolved the incident."""
    news = any(one.notification and one.notification.reason in NEWS for one in asked.decisions)
    return news or any(alert.starts_at_ms > last.resolved_at_ms for alert in asked.firing)


def _is_told(incident: Incident, decision: Decision) -> bool:
    """Whether the incident lets a decision through."""
    notification = decision.notification
    reason = notification.reason if notification is not None else None
    if reason is None or reason is Reason.ALL_RESOLVED:
        return True
    if incident.status == "snoozed" or not incident.is_open:
        return False
    return reason is not Reason.REPEAT or _was_asked_since(incident, decision)


def _was_asked_since(incident: Incident, decision: Decision) -> bool:
    """Whether a repeat is one that somebody asked for, or that nothing speaks against."""
    if incident.status != "acknowledged":
        return True
    notification, told = decision.notification, decision.previous
    asked_ms = incident.asked.get(notification.receiver, 0) if notification else 0
    return told is not None and told.at_ms < asked_ms
