"""Rounds over groups: what each is told now, and all that becomes durable with it, at once.

Asked by their timers, by time that passed over an incident, or by a person who did something with
one. Sends nothing: it gives the rows of the outbox. Not safe for threads: the service holds its
lock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from alerts import delivery_log, state
from alerts.dedup import Told
from alerts.delivery_log import Decision, OutboxRow
from alerts.dispatch import Dispatcher, Group, GroupId, Hiding, Place, Seen, decide_group, see_group
from alerts.events import save_events
from alerts.group import GroupState
from alerts.hiding_watch import HidingWatch
from alerts.inbox import AlertInbox
from alerts.leadership import ActingDatabase
from alerts.on_call import flow, incident_store
from alerts.on_call.altered import altered
from alerts.on_call.incident import Change, Incident
from alerts.on_call.stage import Asked, IncidentStage, Outcome
from alerts.outage import OutageMemory
from alerts.state import StoredAlert
from collector.model.errors import TocsinError
from collector.model.labels import Labels

RETRY_MS = 1_000
"""When groups are asked again whose decisions could not be kept."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a configuration says of rounds: receivers' places, what hides, whose incidents are."""

    places: Mapping[str, Sequence[Place]]
    hiding: Callable[[int], Hiding]
    stage: IncidentStage
    external_url: str


Members = Mapping[GroupId, Sequence[StoredAlert]]


class Rounds:
    """The rounds of one dispatcher; `flushed` are the groups whose first round is known to disk."""

    def __init__(
        self,
        database: ActingDatabase,
        inbox: AlertInbox,
        dispatcher: Dispatcher,
        rules: Rules,
        flushed: set[GroupId],
        memory: OutageMemory,
    ) -> None:
        self._database = database
        self._inbox = inbox
        self._dispatcher = dispatcher
        self._rules = rules
        self._flushed = flushed
        self._memory = memory
        self._watch = HidingWatch()

    def members(self, group: Group) -> list[StoredAlert]:
        """A group's alerts."""
        found = [self._inbox.get(fingerprint) for fingerprint in sorted(group.members)]
        return [stored for stored in found if stored is not None]

    def fires(self, group_key: str) -> bool:
        """Whether a group has an alert that fires."""
        group = self._dispatcher.keyed.get(group_key)
        return group is not None and not all(one.ended for one in self.members(group))

    def speaks(self, group_key: str, now_ms: int) -> bool:
        """Whether a group has an alert that fires and that nothing holds back."""
        group = self._dispatcher.keyed.get(group_key)
        if group is None:
            return False
        seen = see_group(group, self.members(group), self._rules.hiding(now_ms))
        return not all(one.ended for one in seen.shown)

    def ask(self, due: Sequence[Group], now_ms: int) -> list[OutboxRow]:
        """Ask groups that are due; asked again soon when it can't be kept.

        What is known is read and what follows is written in one transaction: a person may change
        the incident on another instance meanwhile.
        """
        members = {group.id: self.members(group) for group in due}
        keys = [group.key for group in due]
        try:
            hidden = self._rules.hiding(now_ms)
            with self._database.write() as connection:
                told = self._memory.over(delivery_log.load_told(connection, keys))
                last = incident_store.of_groups(connection, keys)
                asked = [
                    self._asked(
                        group, see_group(group, members[group.id], hidden), last, told, now_ms
                    )
                    for group in due
                ]
                stage = self._rules.stage
                outcome = flow.judge(connection, stage, asked, last, self.fires, now_ms)
                rows = self._save(connection, due, members, outcome)
                changes = [
                    event
                    for group in due
                    for event in self._watch.changes(group, members[group.id], hidden)
                ]
                save_events(connection, changes)
        except TocsinError:
            self._dispatcher.ask_again(due, now_ms + RETRY_MS)
            raise
        self._memory.remember(told, outcome.decisions)
        self._watch.remember(changes)
        self._settle(due, members)
        return rows

    def pages(self, due: Sequence[Group], now_ms: int) -> Sequence[Decision]:
        """What of these groups can't wait for a database that fails, by what is remembered."""
        hidden, told = self._rules.hiding(now_ms), self._memory.told()
        found: list[Decision] = []
        for group in due:
            seen = see_group(group, self.members(group), hidden)
            found += self._asked(group, seen, {}, told, now_ms).decisions
        return self._memory.pages(found)

    def change(
        self,
        connection: Connection,
        changes: Sequence[tuple[Change, Sequence[str]]],
        now_ms: int,
    ) -> list[OutboxRow]:
        """Keep changes of incidents, each with what is told of it to some groups."""
        keys = sorted({key for _, some in changes for key in some})
        told = delivery_log.load_told(connection, keys)
        hidden = self._rules.hiding(now_ms) if keys else None
        decisions: list[Decision] = []
        for change, some in changes:
            for group in filter(None, map(self._dispatcher.keyed.get, some)):
                seen = see_group(group, self.members(group), hidden) if hidden else Seen((), ())
                decisions += self._of_change(change, group, seen, told, now_ms)
        incident_store.save_incidents(connection, [one.incident for one, _ in changes])
        save_events(connection, [event for one, _ in changes for event in one.events])
        return delivery_log.save_decisions(connection, decisions)

    def _of_change(
        self,
        change: Change,
        group: Group,
        seen: Seen,
        told: Mapping[tuple[str, str], Told],
        now_ms: int,
    ) -> list[Decision]:
        url, incident = self._rules.external_url, change.incident
        places = flow.places_of(group, incident, self._places, told)
        spoken = [place for place in places if place.receiver in change.speaks]
        found = decide_group(group, seen, spoken, told, now_ms, url, incident.asked)
        if change.alters:
            done = {one.integration for one in found}
            others = [place for place in places if place.integration not in done]
            found += altered(group, seen, others, told, now_ms, url)
        return [self._rules.stage.briefed(one, incident) for one in found]

    def _places(self, receiver: str) -> Sequence[Place]:
        return self._rules.places.get(receiver, ())

    def _asked(
        self,
        group: Group,
        seen: Seen,
        last: Mapping[str, Incident],
        told: Mapping[tuple[str, str], Told],
        now_ms: int,
    ) -> Asked:
        incident, rules = last.get(group.key), self._rules
        places = flow.places_of(group, incident, self._places, told)
        asked = incident.asked if incident is not None else {}
        decisions = decide_group(group, seen, places, told, now_ms, rules.external_url, asked)
        return flow.asked_group(group, seen, bool(places), decisions)

    def _save(
        self,
        connection: Connection,
        due: Sequence[Group],
        members: Members,
        outcome: Outcome,
    ) -> list[OutboxRow]:
        """Write decisions, incidents and timers; gives what is to be sent once they are durable."""
        first_flushes = [group for group in due if group.id not in self._flushed]
        rows = delivery_log.save_decisions(connection, outcome.decisions)
        flow.save_outcome(connection, outcome)
        state.save_groups(connection, map(timer_of, first_flushes))
        ended = _ended(due, members)
        for group in due:
            if not group.members - set(ended[group.id]):
                state.delete_group(connection, group.route.id, group.labels)
        # their end is told: after a restart they must not come back into their groups
        state.delete_alerts(connection, self._dispatcher.released(ended))
        return rows

    def _settle(self, due: Sequence[Group], members: Members) -> None:
        """Take out of the groups what ended, now that it is durable that its end was told."""
        ended = _ended(due, members)
        self._flushed.update(group.id for group in due)
        for group in due:
            self._watch.forget(group.key, ended[group.id])
        gone = [group for group in due if self._dispatcher.leave(group, ended[group.id])]
        self._flushed.difference_update(group.id for group in gone)
        self._memory.forget(group.key for group in gone)


def _ended(due: Sequence[Group], members: Members) -> dict[GroupId, list[str]]:
    return {group.id: [one.fingerprint for one in members[group.id] if one.ended] for group in due}


def timer_of(group: Group) -> tuple[str, Labels, GroupState]:
    """A group's timer, as it is kept."""
    return group.route.id, group.labels, group.state
