"""`Station`: people and incidents in the running service: its roster, desk, stage, and their views.

It is asked in rounds (`stage`), once a second (`pass_time`) and once a minute (`keep_house`); what
it changes is made durable by the service, together with the messages that tell of it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from alerts.database import Database
from alerts.events import MAX_FOUND, Event, EventKind, EventSearch, find_events
from alerts.notification import IncidentBrief
from alerts.on_call import incident as acts
from alerts.on_call import incident_store as store
from alerts.on_call import override_store
from alerts.on_call.clockwork import after_time
from alerts.on_call.config import OnCallConfig
from alerts.on_call.context import Surroundings, budget_facts, gathers, surroundings_of
from alerts.on_call.desk import Changes, Desk, Plan
from alerts.on_call.figures import Report, report
from alerts.on_call.incident import Change, Incident
from alerts.on_call.incident_store import IncidentSearch
from alerts.on_call.links import IncidentLinks, load_signer
from alerts.on_call.roster import Roster, build_roster
from alerts.on_call.rota import Rota
from alerts.on_call.similar import Similar, similar
from alerts.on_call.stage import IncidentStage
from alerts.on_call.timeline import timeline_of
from alerts.silence import Silence
from collector.model.alert import Alert
from collector.model.clock import Clock

MAX_AT_ONCE = 200
"""Incidents that time moves on in one transaction; the others follow a second later."""
COMPARED = 1_000
"""Incidents that one is compared with."""
OPEN_ONES = IncidentSearch(statuses=("triggered", "acknowledged", "snoozed"), limit=100)
"""Those whose surroundings are looked at: the newest of the open ones."""


@dataclass(frozen=True, slots=True)
class IncidentView:
    """An incident as people see it: with its groups, its alerts and all of its story."""

    incident: Incident
    groups: Sequence[str]
    alerts: Sequence[Alert]
    timeline: Sequence[Event]
    similar: Sequence[Similar]


class Station:
    """Safe to ask from any thread; `commit` carries a plan out under the service's lock."""

    def __init__(
        self,
        config: OnCallConfig,
        database: Database,
        clock: Clock,
        external_url: str,
        commit: Callable[[Plan], None],
        silence: Callable[[Silence], str],
    ) -> None:
        self.database = database
        self._clock = clock
        self._commit = commit
        self.links = IncidentLinks(external_url, load_signer(database))
        self.rota = Rota(database, clock, lambda: self.roster)
        self.desk = Desk(commit, silence, lambda: self.roster, self._last_of_group)
        self._orphans: frozenset[int] = frozenset()
        self.apply(config)

    def apply(self, config: OnCallConfig) -> None:
        """Take a configuration over."""
        self.config = config
        self.roster: Roster = build_roster(config)
        self.stage = IncidentStage(
            lambda *asked: self.roster.own(*asked), self._brief, config.reopen_within
        )

    def next_ms(self) -> int | None:
        """When time alone does something to an incident next."""
        with self.database.read() as connection:
            return store.next_due_ms(connection)

    def pass_time(self, speaks: Callable[[str, int], bool]) -> None:
        """Escalate, wake what was snoozed, let acknowledgements lapse, where that is due.

        `speaks` says whether a group has an alert that fires and that nothing holds back.
        """
        next_ms = self.next_ms()
        if next_ms is None or next_ms > self._clock.now_ms():
            return

        def plan(connection: Connection, now_ms: int) -> Changes:
            due = store.due_incidents(connection, now_ms)[:MAX_AT_ONCE]
            standing = override_store.load_overrides(connection, now_ms)
            found = []
            for incident in due:
                keys = store.groups_of(connection, incident.number)
                spoken = any(speaks(key, now_ms) for key in keys)
                change = after_time(incident, self.roster, standing, spoken, now_ms)
                if change is not None:
                    found.append((change, keys))
            return found

        self._commit(plan)

    def look_around(self, around: Surroundings, live: Callable[[str], Alert | None]) -> None:
        """Learn what stood around open incidents, and what became of their budgets.

        `live` gives an alert as it is now, by its fingerprint. Asks others before any lock is held.
        """
        now_ms = self._clock.now_ms()
        with self.database.read() as connection:
            newest = store.find_incidents(connection, OPEN_ONES)
            alerts = {one.number: store.alerts_of(connection, one.number) for one in newest}
        found: dict[int, dict[str, Any]] = {}
        for one in newest:
            context = dict(one.context)
            now = [live(alert.fingerprint) or alert for alert in alerts[one.number]]
            context["budget"] = budget_facts(now, one.context.get("budget", {}))
            if gathers(one, now_ms) or "sights" not in context:
                context["sights"] = surroundings_of(one, around)
            if context != one.context:
                found[one.number] = context
        if found:
            self._commit(lambda connection, _: _with_contexts(connection, found))

    def report(self, from_ms: int, until_ms: int) -> Report:
        """How the team fared in [from, until)."""
        asked = EventSearch(
            kinds=(EventKind.ESCALATED, EventKind.ASSIGNED),
            after_ms=from_ms,
            until_ms=until_ms,
            limit=MAX_FOUND,
        )
        search = IncidentSearch(opened_after_ms=from_ms - 1, opened_until_ms=until_ms)
        with self.database.read() as connection:
            events = find_events(connection, asked)
            found = store.find_incidents(connection, replace(search, limit=store.MAX_FOUND))
        plans = [self.rota.plan(name, from_ms, until_ms) for name in self.roster.schedules]
        shifts = [shift for plan in plans for shift in plan.shifts]
        return report(found, events, shifts, from_ms, until_ms)

    def count_open(self) -> dict[tuple[str, str], int]:
        """Open incidents by status and severity."""
        with self.database.read() as connection:
            return store.count_open(connection)

    def keep_house(self, groups: Container[str]) -> None:
        """End incidents whose groups are all gone (their routes were changed); forget old ones.

        At the second look: after a start or a reload, other groups may take their alerts over.
        """
        with self.database.read() as connection:
            found = store.open_without(connection, groups)
        orphans = sorted(self._orphans & set(found))
        self._orphans = frozenset(found)

        def plan(connection: Connection, now_ms: int) -> Changes:
            store.forget_incidents(connection, now_ms - store.KEPT_MS)
            override_store.forget_overrides(connection, now_ms - override_store.ENDED_KEPT_MS)
            changes = [
                acts.resolve(one, "", now_ms) for one in store.load_incidents(connection, orphans)
            ]
            return [(change, ()) for change in changes if change is not None]

        self._commit(plan)

    def incidents(self, search: IncidentSearch) -> list[Incident]:
        """The incidents searched for, open ones first, newest first."""
        with self.database.read() as connection:
            return store.find_incidents(connection, search)

    def incident(self, number: int) -> IncidentView:
        """One incident with all that belongs to it; raises KeyError."""
        with self.database.read() as connection:
            found = store.load_incident(connection, number)
            groups = store.all_groups_of(connection, number)
            alerts = store.alerts_of(connection, number)
            fingerprints = [one.fingerprint for one in alerts]
            timeline = timeline_of(connection, found, groups, fingerprints)
            past = store.find_incidents(connection, IncidentSearch(limit=COMPARED))
            return IncidentView(found, groups, alerts, timeline, similar(found, past))

    def _last_of_group(self, group_key: str) -> Incident | None:
        with self.database.read() as connection:
            return store.of_groups(connection, [group_key]).get(group_key)

    def _brief(self, incident: Incident, now_ms: int) -> IncidentBrief:
        links, number = self.links, incident.number
        return incident.brief(links.page(number), links.signed(number, "acknowledge", now_ms))


def _with_contexts(connection: Connection, contexts: Mapping[int, dict[str, Any]]) -> Changes:
    incidents = store.load_incidents(connection, sorted(contexts))
    return [
        (Change(replace(one, context=contexts[one.number]), alters=False), ())
        for one in incidents
        if one.is_open
    ]
