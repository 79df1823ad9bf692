"""Incidents within the service's rounds: what is known before one, and what one makes durable.

Reads and writes in the service's own transactions; the judging is `stage`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection

from alerts.dedup import Told
from alerts.delivery_log import Decision
from alerts.dispatch import Group, Place, Seen
from alerts.events import save_events
from alerts.on_call import incident_store as store
from alerts.on_call.incident import Incident
from alerts.on_call.stage import Asked, IncidentStage, Known, Outcome


def places_of(
    group: Group,
    incident: Incident | None,
    places: Callable[[str], Sequence[Place]],
    told: Mapping[tuple[str, str], Told],
) -> list[Place]:
    """The integrations of a group's receiver, and of those that were called to its incident.

    Of an incident that is over, only those that still are to be told of the end.
    """
    found = list(places(group.route.receiver))
    called = incident.called if incident is not None else ()
    for receiver in sorted({*called} - {group.route.receiver}):
        for place in places(receiver):
            before = told.get((group.key, place.integration))
            if _is_open(incident) or (before is not None and before.firing):
                found.append(place)
    return found


def asked_group(group: Group, seen: Seen, has_places: bool, decisions: Sequence[Decision]) -> Asked:
    """A group that was asked, as the stage takes it."""
    members = (*seen.shown, *seen.hidden)
    ended_at_ms = max((one.ends_at_ms for one in members if one.ended), default=0)
    return Asked(
        group.key,
        group.route.receiver,
        seen.shown,
        seen.fires,
        ended_at_ms,
        has_places,
        decisions,
    )


def judge(
    connection: Connection,
    stage: IncidentStage,
    asked: Sequence[Asked],
    last: Mapping[str, Incident],
    fires: Callable[[str], bool],
    now_ms: int,
) -> Outcome:
    """The outcome of a round over groups whose last incidents are known."""
    return stage.judge(asked, _known(connection, asked, last), fires, now_ms)


def save_outcome(connection: Connection, outcome: Outcome) -> None:
    """Make a round's incidents, parts and events durable."""
    store.save_incidents(connection, outcome.incidents.values())
    store.link_groups(connection, outcome.links)
    store.add_alerts(connection, outcome.alerts)
    save_events(connection, outcome.events)


def _known(connection: Connection, asked: Sequence[Asked], last: Mapping[str, Incident]) -> Known:
    wanted = sorted(
        {
            alert.fingerprint
            for one in asked
            if one.decisions or not _is_open(last.get(one.group_key))
            for alert in one.firing
        }
    )
    holders = store.holders(connection, wanted)
    known = {one.number: one for one in last.values() if one.is_open}
    numbers = frozenset().union(*holders.values()) - known.keys()
    known.update((one.number, one) for one in store.load_incidents(connection, sorted(numbers)))
    ending = {
        last[one.group_key].number
        for one in asked
        if not one.fires and _is_open(last.get(one.group_key))
    }
    groups = {number: store.groups_of(connection, number) for number in sorted(ending)}
    return Known(last, holders, known, groups, store.next_number(connection))


def _is_open(incident: Incident | None) -> bool:
    return incident is not None and incident.is_open
