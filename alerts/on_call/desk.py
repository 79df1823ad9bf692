"""`Desk`: the `IncidentDesk` of the running service, where every button ends.

Each act reads the incident, changes it, tells the story and queues the messages in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from alerts.events import Event, EventKind
from alerts.on_call import incident as acts
from alerts.on_call import incident_store as store
from alerts.on_call.incident import Change, Incident, Progress
from alerts.on_call.roster import Roster
from alerts.on_call.title import shared_labels
from alerts.silence import Silence
from collector.model.errors import InputError
from collector.model.matchers import Matcher

Changes = Sequence[tuple[Change, Sequence[str]]]
Plan = Callable[[Connection, int], Changes]
MAX_ACTOR_CHARS = 200


class Desk:
    """`commit` makes durable what a plan changes, with the messages that tell of it; `silence`
    keeps a silence and gives its id; `last_of_group` is the last incident that a group had.
    """

    def __init__(
        self,
        commit: Callable[[Plan], None],
        silence: Callable[[Silence], str],
        roster: Callable[[], Roster],
        last_of_group: Callable[[str], Incident | None],
    ) -> None:
        self._commit = commit
        self._last_of_group = last_of_group
        self._silence = silence
        self._roster = roster

    def acknowledge(self, incident: int, actor: str) -> None:
        """Someone works on it: escalation stops, repeats stay away."""

        def act(found: Incident, by: str, now_ms: int) -> Change | None:
            own = self._roster().own(found.labels, found.severity, now_ms).progress
            policy = self._roster().policies.get(found.progress.policy or own.policy)
            timeout_ms = policy.acknowledge_timeout_ms if policy else 0
            return acts.acknowledge(found, by, now_ms, timeout_ms)

        self._act(incident, actor, act)

    def unacknowledge(self, incident: int, actor: str) -> None:
        """Nobody works on it any more: escalation begins again."""
        self._act(
            incident,
            actor,
            lambda found, by, now_ms: acts.unacknowledge(
                found, by, now_ms, self._begun(found, now_ms)
            ),
        )

    def assign(self, incident: int, person: str, actor: str) -> None:
        """Make someone its owner; one who is known is told by the receivers that are theirs."""

        def act(found: Incident, by: str, now_ms: int) -> Change | None:
            name = self._roster().person_named(person.strip())
            return acts.assign(found, name, self._roster().receivers_of(name), by, now_ms)

        self._act(incident, actor, act)

    def snooze(self, incident: int, seconds: float, actor: str) -> None:
        """Say nothing until then; an incident that still is open speaks again after it."""
        self._act(
            incident,
            actor,
            lambda found, by, now_ms: acts.snooze(found, int(seconds * 1000), by, now_ms),
        )

    def resolve(self, incident: int, actor: str, text: str = "") -> None:
        """Close it by hand; alerts that go on firing open another one when they start anew."""
        self._act(incident, actor, lambda found, by, now_ms: acts.resolve(found, by, now_ms, text))

    def comment(self, incident: int, text: str, actor: str) -> None:
        """Add to its story."""
        self._act(incident, actor, lambda found, by, now_ms: acts.comment(found, text, by, now_ms))

    def merge(self, incident: int, into: int, actor: str) -> None:
        """End one as a part of another: its groups and alerts are the other's from now on."""

        def plan(connection: Connection, now_ms: int) -> Changes:
            both = store.load_incident(connection, incident), store.load_incident(connection, into)
            closed, grown = acts.merge(*both, self._named(actor), now_ms)
            store.move_parts(connection, incident, into)
            return (closed, ()), (grown, store.groups_of(connection, into))

        self._commit(plan)

    def silence(self, incident: int, seconds: float, actor: str) -> str:
        """Silence the labels that its alerts share; returns the silence's id."""
        made: list[str] = []

        def plan(connection: Connection, now_ms: int) -> Changes:
            found, by = store.load_incident(connection, incident), self._named(actor)
            labels = shared_labels(store.alerts_of(connection, incident))
            if not labels.pairs:
                raise InputError(
                    "its alerts share no label", advice="silence them one by one, by matchers"
                )
            matchers = tuple(Matcher("=", name, value) for name, value in labels.pairs)
            end_ms = now_ms + int(seconds * 1000)
            comment = f"incident {incident}: {found.title}"
            made.append(self._silence(Silence("", matchers, now_ms, end_ms, by, comment)))
            text = f"{by} silenced its alerts for {seconds / 60:g} min"
            data = {"silence": made[0], "until_ms": end_ms}
            change = acts.told(found, EventKind.SILENCED, now_ms, by, text, data)
            return ((change, store.groups_of(connection, incident)),)

        self._commit(plan)
        return made[0]

    def seen(self, incident: int, actor: str) -> None:
        """Someone looked at it: its story says so, once for each."""

        def act(found: Incident, by: str, now_ms: int) -> Change | None:
            if by in found.seen_by or not found.is_open:
                return None
            event = Event(now_ms, EventKind.SEEN, incident, actor=by, text=f"{by} looked at it")
            looked = replace(found, seen_by=(*found.seen_by, by))
            return Change(looked, (event,), alters=False)

        self._act(incident, actor, act)

    def by_group(self, group_key: str) -> int:
        """The number of the open incident of a group; 0 when there is none."""
        last = self._last_of_group(group_key)
        return last.number if last is not None and last.is_open else 0

    def _act(
        self, number: int, actor: str, act: Callable[[Incident, str, int], Change | None]
    ) -> None:
        by = self._named(actor)

        def plan(connection: Connection, now_ms: int) -> Changes:
            change = act(store.load_incident(connection, number), by, now_ms)
            if change is None:
                return ()
            return ((change, store.groups_of(connection, number)),)

        self._commit(plan)

    def _named(self, actor: str) -> str:
        name = self._roster().person_named(actor.strip())
        if not name or len(name) > MAX_ACTOR_CHARS:
            raise InputError("nobody is named", advice="say who does it")
        return name

    def _begun(self, incident: Incident, now_ms: int) -> Progress:
        return self._roster().own(incident.labels, incident.severity, now_ms).progress
