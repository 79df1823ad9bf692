"""`Rota`: who is on call now and then, with the overrides that people made, and making them.

Reads the overrides at each question: another instance may have taken one.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from alerts.database import Database
from alerts.events import Event, EventKind, save_events
from alerts.on_call import override_store as store
from alerts.on_call.gap_report import schedule_gaps
from alerts.on_call.roster import Roster
from alerts.on_call.schedule import (
    MAX_RANGE_MS,
    Override,
    Schedule,
    Shift,
    layer_shifts,
    on_call,
    shifts,
)
from collector.model.clock import Clock
from collector.model.errors import InputError, LimitError

LOOK_AHEAD_MS = 28 * 24 * 3_600_000
"""How far ahead the next hand-over is looked for."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Who is on call in a schedule at a moment, why and until when; and who comes then."""

    schedule: str
    person: str
    source: str
    until_ms: int
    next_person: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What [from, until) of a schedule is made of: the outcome, and each layer alone."""

    schedule: Schedule
    shifts: Sequence[Shift]
    layers: Sequence[Sequence[Shift]]
    overrides: Sequence[Override]


class Rota:
    """Safe to ask from any thread."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        roster: Callable[[], Roster],
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._database = database
        self._clock = clock
        self._roster = roster
        self._new_id = new_id

    def duties(self, at_ms: int = 0) -> list[Duty]:
        """Who is on call in each schedule, now unless a time is given."""
        at_ms = at_ms or self._clock.now_ms()
        standing = self.overrides(at_ms)
        return [_duty(one, at_ms, standing) for one in self._roster().schedules.values()]

    def plan(self, name: str, from_ms: int, until_ms: int) -> Plan:
        """A schedule over a stretch of time; raises KeyError, InputError for a wrong stretch."""
        schedule = self._roster().schedules[name]
        _check_range(from_ms, until_ms)
        standing = [
            one
            for one in self.overrides(from_ms)
            if one.schedule == name and one.start_ms < until_ms
        ]
        return Plan(
            schedule,
            shifts(schedule, from_ms, until_ms, standing),
            [layer_shifts(one, schedule.zone, from_ms, until_ms) for one in schedule.layers],
            standing,
        )

    def gaps(self, from_ms: int, until_ms: int) -> dict[str, list[Shift]]:
        """The hours that nobody covers, by schedule."""
        _check_range(from_ms, until_ms)
        return schedule_gaps(self._roster(), from_ms, until_ms, self.overrides(from_ms))

    def overrides(self, after_ms: int) -> list[Override]:
        """Overrides that end after a time."""
        with self._database.read() as connection:
            return store.load_overrides(connection, after_ms)

    def stand_in(
        self, schedule: str, person: str, start_ms: int, end_ms: int, author: str
    ) -> Override:
        """Put someone in for whoever it is; raises InputError, LimitError."""
        roster, now_ms = self._roster(), self._clock.now_ms()
        if schedule not in roster.schedules:
            names = ", ".join(roster.schedules) or "none is configured"
            raise InputError(f"there is no schedule {schedule!r}", advice=f"there is: {names}")
        if person not in roster.people:
            names = ", ".join(roster.people) or "nobody is configured"
            raise InputError(f"there is nobody called {person!r}", advice=f"there is: {names}")
        if not author.strip():
            raise InputError("nobody is named", advice="say who does it")
        if end_ms <= max(start_ms, now_ms) or end_ms - start_ms > MAX_RANGE_MS:
            raise InputError("an override ends after it starts, in the future, within a year")
        made = Override(self._new_id(), schedule, person, start_ms, end_ms, author, now_ms)
        text = f"{author} put {person} on call in {schedule}"
        with self._database.write() as connection:
            if len(store.load_overrides(connection, now_ms)) >= store.MAX_OVERRIDES:
                raise LimitError(f"{store.MAX_OVERRIDES:,} overrides are kept already")
            store.save_overrides(connection, [made])
            self._tell(connection, author, text, made)
        return made

    def take_back(self, override_id: str, author: str) -> Override:
        """Take an override back; raises KeyError for one that is not known."""
        if not author.strip():
            raise InputError("nobody is named", advice="say who does it")
        with self._database.write() as connection:
            known = {one.id: one for one in store.load_overrides(connection)}
            one = known[override_id]
            store.delete_override(connection, override_id)
            text = f"{author} took back that {one.person} is on call in {one.schedule}"
            self._tell(connection, author, text, one)
            return one

    def _tell(self, connection: Connection, author: str, text: str, one: Override) -> None:
        data = {name: getattr(one, name) for name in Override.__slots__}
        event = Event(
            self._clock.now_ms(), EventKind.SCHEDULE_CHANGED, actor=author, text=text, data=data
        )
        save_events(connection, [event])


def _duty(schedule: Schedule, at_ms: int, standing: Sequence[Override]) -> Duty:
    person, source = on_call(schedule, at_ms, standing)
    coming = shifts(schedule, at_ms, at_ms + LOOK_AHEAD_MS, standing)
    until_ms = next((one.end_ms for one in coming if one.person == person), at_ms)
    after = [one for one in coming if one.start_ms >= until_ms]
    following = next((one.person for one in after if one.person != person), "")
    return Duty(schedule.name, person, source, until_ms, following)


def _check_range(from_ms: int, until_ms: int) -> None:
    if not 0 < until_ms - from_ms <= MAX_RANGE_MS:
        days = MAX_RANGE_MS // (24 * 3_600_000)
        raise InputError("not a stretch of time", advice=f"ask for 1 ms to {days} days")
