"""Groups of alerts, and what each says at its time: the stages in order, as one decision.

route -> group -> inhibit -> active and mute times -> silence -> dedup. Sends nothing: it gives
`Decision`s that the service makes durable. Not safe for threads: the service holds its lock.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from alerts.alert_order import place_in_message
from alerts.dedup import Told, decide
from alerts.delivery_log import Decision
from alerts.group import GroupState, joined, opened, resumed, step
from alerts.inhibit import Inhibitor
from alerts.mute_times import TimeInterval, is_muted, muting
from alerts.notification import Notification, Reason
from alerts.route import Route
from alerts.silence import Silence, hiding
from alerts.state import StoredAlert
from collector.model.alert import Alert
from collector.model.labels import Labels

GroupId = tuple[str, Labels]
NOBODY_ASKED: Mapping[str, int] = {}


@dataclass(slots=True)
class Group:
    """Alerts of one route that share the labels of its `group_by`."""

    route: Route
    labels: Labels
    key: str
    state: GroupState
    members: set[str] = field(default_factory=set)

    @property
    def id(self) -> GroupId:
        """What no other group has."""
        return self.route.id, self.labels


@dataclass(frozen=True, slots=True)
class Place:
    """One integration of a receiver, as deciding needs to know it."""

    integration: str
    receiver: str
    send_resolved: bool
    takes_changes: bool = False


@dataclass(frozen=True, slots=True)
class Hiding:
    """All that holds alerts back at one moment."""

    inhibitor: Inhibitor
    silences: Sequence[Silence]
    intervals: Mapping[str, tuple[TimeInterval, ...]]
    now_ms: int

    def hides(self, labels: Labels) -> bool:
        """Whether an alert is inhibited or silenced."""
        return self.inhibitor.hidden_by(labels) is not None or bool(
            hiding(self.silences, labels, self.now_ms)
        )

    def mutes(self, route: Route) -> bool:
        """Whether a route does not speak at this hour."""
        names = (route.mute_time_intervals, route.active_time_intervals)
        return bool(is_muted(self.now_ms, *names, self.intervals))

    def muted_by(self, route: Route) -> tuple[str, ...]:
        """The intervals for which a route does not speak at this hour."""
        names = (route.mute_time_intervals, route.active_time_intervals)
        return muting(self.now_ms, *names, self.intervals)


class Dispatcher:
    """Keeps the groups of one routing tree and knows which of them are due."""

    def __init__(self, root: Route, timers: Mapping[GroupId, GroupState], now_ms: int) -> None:
        self.root = root
        self.groups: dict[GroupId, Group] = {}
        self.keyed: dict[str, Group] = {}
        self._routes = {route.id: route for route in root.walk()}
        self._kept_timers = {
            id_: resumed(timer, self._routes[id_[0]].timers, now_ms)
            for id_, timer in timers.items()
            if id_[0] in self._routes
        }
        self._due: list[tuple[int, int, GroupId]] = []
        self._pushed = 0
        self._homes: dict[str, list[tuple[Route, Labels]]] = {}

    def insert(self, stored: StoredAlert, now_ms: int) -> list[Group]:
        """Put an alert into its groups; returns the groups that it opened.

        An alert that ended stays in the groups where it is, and comes into no other one.
        """
        return [] if stored.ended else self.restore(stored, now_ms)

    def restore(self, stored: StoredAlert, now_ms: int) -> list[Group]:
        """The same after a restart, also for an alert that ended: that may not have been told."""
        new = []
        for route, labels in self._homes_of(stored):
            group = self.groups.get((route.id, labels))
            if group is None:
                group = self._open(route, labels, now_ms)
                new.append(group)
            if stored.fingerprint not in group.members:
                group.members.add(stored.fingerprint)
                self._move(
                    group, joined(group.state, route.timers, stored.alert.starts_at_ms, now_ms)
                )
        return new

    def receivers_of(self, labels: Labels) -> list[str]:
        """Names of the receivers that an alert goes to."""
        return [route.receiver for route in self.root.match(labels)]

    def due(self, now_ms: int) -> list[Group]:
        """Groups that are asked now; each is asked again after its group_interval."""
        found = []
        while self._due and self._due[0][0] <= now_ms:
            _, _, id_ = heapq.heappop(self._due)
            group = self.groups.get(id_)
            if group is None:
                continue
            stepped = step(group.state, group.route.timers, now_ms)
            if stepped.flush:
                self._move(group, stepped.state)
                found.append(group)
        return found

    def next_due_ms(self) -> int | None:
        """When the next group is asked."""
        return self._due[0][0] if self._due else None

    def ask_again(self, groups: Iterable[Group], at_ms: int) -> None:
        """Groups whose decisions could not be kept are asked again soon."""
        for group in groups:
            self._move(group, replace(group.state, next_flush_ms=at_ms))

    def leave(self, group: Group, fingerprints: Iterable[str]) -> bool:
        """Take ended alerts out of a group; True when nothing is left and the group is gone."""
        group.members.difference_update(fingerprints)
        if group.members:
            return False
        del self.groups[group.id]
        self.keyed.pop(group.key, None)
        return True

    def released(self, leaving: Mapping[GroupId, Sequence[str]]) -> list[str]:
        """Ended alerts that no group holds any more once they have left these groups."""
        left = {fingerprint for some in leaving.values() for fingerprint in some}
        return sorted(
            fingerprint
            for fingerprint in left
            if all(
                fingerprint in leaving.get((route.id, labels), ())
                for route, labels in self._homes.get(fingerprint, ())
                if self._holds((route.id, labels), fingerprint)
            )
        )

    def forget(self, fingerprints: Iterable[str]) -> None:
        """Let go of the routes of alerts that are gone."""
        for fingerprint in fingerprints:
            self._homes.pop(fingerprint, None)

    def held(self) -> set[str]:
        """Fingerprints that a group still holds."""
        return set().union(*(group.members for group in self.groups.values()))

    def _holds(self, id_: GroupId, fingerprint: str) -> bool:
        group = self.groups.get(id_)
        return group is not None and fingerprint in group.members

    def _homes_of(self, stored: StoredAlert) -> list[tuple[Route, Labels]]:
        homes = self._homes.get(stored.fingerprint)
        if homes is None:
            labels = stored.alert.labels
            homes = [(route, route.group_labels(labels)) for route in self.root.match(labels)]
            self._homes[stored.fingerprint] = homes
        return homes

    def _open(self, route: Route, labels: Labels, now_ms: int) -> Group:
        timer = self._kept_timers.pop((route.id, labels), None) or opened(route.timers, now_ms)
        group = Group(route, labels, route.group_key(labels), timer)
        self.groups[group.id] = self.keyed[group.key] = group
        self._push(group)
        return group

    def _move(self, group: Group, state: GroupState) -> None:
        moved = state.next_flush_ms != group.state.next_flush_ms
        group.state = state
        if moved:
            self._push(group)

    def _push(self, group: Group) -> None:
        self._pushed += 1
        heapq.heappush(self._due, (group.state.next_flush_ms, self._pushed, group.id))


@dataclass(frozen=True, slots=True)
class Seen:
    """A group's alerts, ordered by labels: those that may be told, and those that are held back."""

    shown: Sequence[StoredAlert]
    hidden: Sequence[StoredAlert]

    @property
    def fires(self) -> bool:
        """Whether an alert fires, held back or not."""
        return not all(stored.ended for stored in (*self.shown, *self.hidden))


def see_group(group: Group, members: Sequence[StoredAlert], hiding_now: Hiding) -> Seen:
    """What of a group is inhibited, silenced or muted now."""
    mutes = hiding_now.mutes(group.route)
    shown: list[StoredAlert] = []
    hidden: list[StoredAlert] = []
    for stored in members:
        hides = mutes or hiding_now.hides(stored.alert.labels)
        (hidden if hides else shown).append(stored)
    shown.sort(key=lambda stored: place_in_message(stored.alert.labels))
    return Seen(shown, hidden)


def decide_group(
    group: Group,
    seen: Seen,
    places: Sequence[Place],
    told: Mapping[tuple[str, str], Told],
    now_ms: int,
    external_url: str,
    asked: Mapping[str, int] = NOBODY_ASKED,
) -> list[Decision]:
    """What each integration of a group is to be told now.

    `asked` says when somebody wanted a receiver to be told again, whatever the repeat interval.
    """
    decisions: list[Decision | None] = []
    for place in places:
        before = told.get((group.key, place.integration))
        unseen = _ended_unseen(seen, before)
        if unseen and before and _fires_unseen(seen, before):
            decisions.append(_forgotten(group, place, before, unseen))
        elif seen.shown or unseen:
            shown, asked_ms = [*seen.shown, *unseen], asked.get(place.receiver, 0)
            decisions.append(
                _decide_place(group, shown, place, before, now_ms, external_url, asked_ms)
            )
    return [decision for decision in decisions if decision is not None]


def _ended_unseen(seen: Seen, before: Told | None) -> list[StoredAlert]:
    """What the receiver was told of and what ended while it was hidden: its end is told too.

    Alertmanager never tells of it, so that a pager's incident stays open, and leaves it in its log,
    so that its next beginning stays unsaid until the repeat interval is over.
    """
    if before is None:
        return []
    return [one for one in seen.hidden if one.ended and one.fingerprint in before.firing]


def _fires_unseen(seen: Seen, before: Told) -> bool:
    """Whether something goes on unseen, and nothing is shown: then no end of the group is told."""
    still = (one for one in seen.hidden if not one.ended)
    return not seen.shown and any(one.fingerprint in before.firing for one in still)


def _forgotten(group: Group, place: Place, before: Told, unseen: Sequence[StoredAlert]) -> Decision:
    """What ended no longer counts as told, so that its next beginning is told at once."""
    ended = {one.fingerprint for one in unseen}
    after = replace(before, firing=before.firing - ended)
    return Decision(place.integration, group.key, after, before, None)


def _decide_place(
    group: Group,
    shown: Sequence[StoredAlert],
    place: Place,
    told: Told | None,
    now_ms: int,
    external_url: str,
    asked_ms: int,
) -> Decision | None:
    repeat_ms = group.route.timers.repeat_ms
    if told is not None and told.at_ms < asked_ms:
        repeat_ms = 0
    firing = frozenset(stored.fingerprint for stored in shown if not stored.ended)
    resolved = frozenset(stored.fingerprint for stored in shown if stored.ended)
    reason = decide(
        told,
        firing,
        resolved,
        send_resolved=place.send_resolved,
        repeat_ms=repeat_ms,
        now_ms=now_ms,
    )
    if reason is None:
        return None
    alerts = told_alerts(shown, place.send_resolved)
    notification = None
    if alerts:
        notification = Notification(
            id=notification_id(group.key, place.integration, reason, now_ms),
            receiver=place.receiver,
            group_key=group.key,
            group_labels=group.labels,
            alerts=alerts,
            reason=reason,
            at_ms=now_ms,
            external_url=external_url,
        )
    now_told = Told(firing, resolved, now_ms)
    return Decision(place.integration, group.key, now_told, told, notification)


def notification_id(group_key: str, integration: str, reason: Reason, now_ms: int) -> str:
    """32 hex digits: the same decision has the same id in every process."""
    text = "\0".join((group_key, integration, reason, str(now_ms)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def told_alerts(shown: Iterable[StoredAlert], send_resolved: bool) -> tuple[Alert, ...]:
    """Alerts as a notification has them: those that ended with their end, if that is told."""
    return tuple(
        replace(stored.alert, ends_at_ms=stored.ends_at_ms) if stored.ended else stored.alert
        for stored in shown
        if send_resolved or not stored.ended
    )
