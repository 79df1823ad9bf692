"""Who is on call: now, in a calendar of layers, in gaps; who stands in; signs of life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from alerts.on_call.escalation import Policy
from alerts.on_call.gap_report import LOOK_AHEAD_MS
from alerts.on_call.heartbeats import Heartbeat
from alerts.on_call.rota import Duty
from alerts.on_call.schedule import Shift
from alerts.on_call.station import Station
from alerts.on_call.wall_clock import local_of, moment_ms, zone_of
from collector.model.errors import InputError
from dashboards.render.svg import to_svg
from tocsin.on_call_wiring import OnCallParts
from tocsin.web.schedule_picture import schedule_picture
from tocsin.web.texts import span
from tocsin.web.tiles import Tile

DAY_MS = 24 * 3_600_000
RANGES = ("7", "14", "28")
DEFAULT_RANGE = "14"
SHIFTS_SHOWN = 60
GAPS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """One shift in the schedule's own time."""

    start: str
    end: str
    person: str
    source: str


@dataclass(frozen=True, slots=True)
class ScheduleCard:
    """One schedule as the page shows it."""

    name: str
    zone: str
    picture: str
    shifts: Sequence[ShiftRow]
    gaps: Sequence[ShiftRow]
    feed: str


@dataclass(frozen=True, slots=True)
class BeatRow:
    """One heartbeat."""

    name: str
    state: str
    tone: str
    last_ms: int
    sender: str


def on_call_view(parts: OnCallParts, days: str, name: str, now_ms: int) -> Mapping[str, object]:
    """The values of `oncall.html`."""
    station = parts.service.on_call
    shown = days if days in RANGES else DEFAULT_RANGE
    standing = station.rota.overrides(now_ms)
    last = parts.watchdog.last
    return {
        "tiles": [_tile(one) for one in station.rota.duties(now_ms)],
        "cards": [_card(station, one, int(shown), now_ms) for one in station.roster.schedules],
        "overrides": [
            (one, ShiftRow(*_local(station, one.schedule, one.start_ms, one.end_ms), "", ""))
            for one in standing
        ],
        "schedules": list(station.roster.schedules),
        "people": list(station.roster.people),
        "policies": [_policy(one) for one in station.roster.policies.values()],
        "teams": list(station.roster.teams.values()),
        "beats": [_beat(one, now_ms) for one in parts.heartbeats.states()],
        "watchdog": station.config.watchdog is not None,
        "watchdog_ms": parts.watchdog.last_success_ms,
        "watchdog_problem": last.problem if last else "",
        "ranges": RANGES,
        "days": shown,
        "name": name,
    }


def override_from_form(station: Station, form: Mapping[str, str], now_ms: int) -> None:
    """Put someone in; times are in the schedule's own zone. Raises InputError."""
    schedule = station.roster.schedules.get(form.get("schedule", ""))
    if schedule is None:
        raise InputError("no schedule is chosen", advice="choose one")
    start_ms = _moment(form.get("from", ""), schedule.zone.key) or now_ms
    end_ms = _moment(form.get("to", ""), schedule.zone.key)
    person, author = form.get("person", ""), form.get("actor", "").strip()
    station.rota.stand_in(schedule.name, person, start_ms, end_ms, author)


def _moment(text: str, zone: str) -> int:
    if not text:
        return 0
    try:
        return moment_ms(datetime.fromisoformat(text).replace(tzinfo=None), zone_of(zone))
    except ValueError as error:
        raise InputError(f"not a time: {text!r}", advice="write 2026-11-21T09:00") from error


def _policy(policy: Policy) -> Mapping[str, object]:
    steps = [
        {
            "after": f"after {span(one.after_ms / 1000)}:" if one.after_ms else "at once:",
            "asks": asks,
        }
        for one in policy.steps
        for asks in ((*one.schedules, *one.people, *one.receivers),)
    ]
    severities = sorted(policy.severities)
    return {"name": policy.name, "severities": severities, "steps": steps, "repeat": policy.repeat}


def _tile(duty: Duty) -> Tile:
    then = f", then {duty.next_person}" if duty.next_person else ""
    note = f"{duty.source}{then}" if duty.person else "a gap" + then
    tone = "" if duty.person else "bad"
    return Tile(duty.schedule, duty.person or "nobody", note=note, tone=tone)


def _card(station: Station, name: str, days: int, now_ms: int) -> ScheduleCard:
    zone = station.roster.schedules[name].zone
    midnight = local_of(now_ms, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    start_ms = moment_ms(midnight, zone)
    until_ms = start_ms + days * DAY_MS
    plan = station.rota.plan(name, start_ms, until_ms)
    coming = station.rota.plan(name, now_ms, now_ms + LOOK_AHEAD_MS).shifts
    picture = to_svg(schedule_picture(plan, start_ms, until_ms, list(station.roster.people)))
    return ScheduleCard(
        name,
        zone.key,
        picture,
        [_shift(station, name, one) for one in coming[:SHIFTS_SHOWN]],
        [_shift(station, name, one) for one in coming if not one.person][:GAPS_SHOWN],
        f"/api/tocsin/v1/oncall/schedules/{name}/calendar.ics",
    )


def _shift(station: Station, schedule: str, shift: Shift) -> ShiftRow:
    times = _local(station, schedule, shift.start_ms, shift.end_ms)
    return ShiftRow(*times, shift.person, shift.source)


def _local(station: Station, schedule: str, *moments: int) -> tuple[str, str]:
    known = station.roster.schedules.get(schedule)
    zone = known.zone if known else zone_of("UTC")
    start, end = (f"{local_of(ms, zone):%a %d %b %H:%M}" for ms in moments)
    return start, end


def _beat(beat: Heartbeat, now_ms: int) -> BeatRow:
    missing = beat.is_missing(now_ms)
    state = "missing" if missing else "alive" if beat.sender else "awaited"
    tone = "bad" if missing else "good" if beat.sender else ""
    return BeatRow(beat.name, state, tone, beat.last_ms if beat.sender else 0, beat.sender)
