"""Schedules out of iCalendar text (RFC 5545): every VEVENT is a maintenance window.

Read: DTSTART, DTEND or DURATION, RRULE, RDATE, EXDATE, RECURRENCE-ID, STATUS; the rest is passed
over. Times without a zone are in the zone that the reader is given. Definitions of zones inside the
file (VTIMEZONE) are not read: a TZID must be, or end in, an IANA name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from collector.model.errors import ConfigError, InputError
from collector.schedule import Schedule, midnight, zone_of

MAX_BYTES = 4 * 1024 * 1024
"""A calendar of ten thousand events is smaller."""
MAX_EVENTS = 10_000
_DURATION = re.compile(
    r"\+?P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?"
)
_LINE = re.compile(r'(?P<name>[A-Za-z0-9-]+)(?P<params>(?:;(?:"[^"]*"|[^":])*)?):(?P<value>.*)')
_PARAM = re.compile(r';([A-Za-z0-9-]+)=("[^"]*"|[^;]*)')


@dataclass(frozen=True, slots=True)
class _Property:
    """One content line: parameters and value."""

    params: dict[str, str]
    value: str


_Event = dict[str, list[_Property]]


def schedules_of(text: str, zone: ZoneInfo) -> list[Schedule]:
    """The windows of a calendar; cancelled ones are none.

    Raises InputError, naming the event, for what can't be read.
    """
    if len(text) > MAX_BYTES:
        raise InputError(f"a calendar of more than {MAX_BYTES:,} bytes")
    if "BEGIN:VCALENDAR" not in text.upper():
        raise InputError("this is no iCalendar text", advice="it begins with BEGIN:VCALENDAR")
    events = list(_events(text))
    if len(events) > MAX_EVENTS:
        raise InputError(f"a calendar of more than {MAX_EVENTS:,} events")
    moved = _moved(events, zone)
    return [
        _schedule(event, zone, moved.get(_first(event, "UID"), ()))
        for event in events
        if _first(event, "STATUS").upper() != "CANCELLED"
    ]


def _moved(events: Sequence[_Event], zone: ZoneInfo) -> dict[str, tuple[datetime, ...]]:
    """The times of a series (by UID) that other events stand for."""
    found: dict[str, tuple[datetime, ...]] = {}
    for event in events:
        for one in event.get("RECURRENCE-ID", ()):
            uid = _first(event, "UID")
            found[uid] = (*found.get(uid, ()), *_times(one, zone))
    return found


def _schedule(event: _Event, zone: ZoneInfo, moved: tuple[datetime, ...]) -> Schedule:
    name = _first(event, "SUMMARY") or _first(event, "UID")
    try:
        begins = event["DTSTART"][0]
        (start,) = _times(begins, zone)
        is_moved = "RECURRENCE-ID" in event
        return Schedule(
            start=start,
            duration=_duration(event, start, zone, _is_date(begins)),
            rrule="" if is_moved else _first(event, "RRULE"),
            but_not=() if is_moved else (*_all(event, "EXDATE", zone), *moved),
            also=() if is_moved else tuple(_all(event, "RDATE", zone)),
            by_the_clock=_is_date(begins),
        )
    except (ConfigError, KeyError, ValueError) as error:
        raise InputError(f"the event {name!r} can't be read: {error}") from error


def _duration(event: _Event, start: datetime, zone: ZoneInfo, is_date: bool) -> timedelta:
    if "DTEND" in event:
        (end,) = _times(event["DTEND"][0], zone)
        if is_date:
            return end.replace(tzinfo=None) - start.replace(tzinfo=None)
        return end.astimezone(UTC) - start.astimezone(UTC)
    if "DURATION" in event:
        match = _DURATION.fullmatch(_first(event, "DURATION"))
        if match is None:
            raise ValueError(f"{_first(event, 'DURATION')!r} is no duration")
        return timedelta(**{unit: int(n) for unit, n in match.groupdict().items() if n})
    if is_date:
        return timedelta(days=1)
    raise ValueError("it has no end")


def _all(event: _Event, name: str, zone: ZoneInfo) -> Iterator[datetime]:
    for one in event.get(name, ()):
        yield from _times(one, zone)


def _times(one: _Property, zone: ZoneInfo) -> list[datetime]:
    """The times of a property; of a period (`start/end`) the start."""
    own = _zone_of(one.params["TZID"]) if "TZID" in one.params else zone
    return [_time(text.split("/")[0].strip(), own) for text in one.value.split(",")]


def _time(text: str, zone: ZoneInfo) -> datetime:
    if len(text) == len("20260101"):
        return midnight(datetime.strptime(text, "%Y%m%d").replace(tzinfo=zone), zone)
    found = datetime.strptime(text.removesuffix("Z"), "%Y%m%dT%H%M%S")  # noqa: DTZ007 # set below
    return found.replace(tzinfo=UTC if text.endswith("Z") else zone)


def _zone_of(tzid: str) -> ZoneInfo:
    """`Europe/Berlin`, also as the end of a longer name."""
    parts = tzid.strip("/").split("/")
    for name in (tzid, "/".join(parts[-2:]), parts[-1]):
        try:
            return zone_of(name)
        except ConfigError:
            continue
    return zone_of(tzid)


def _is_date(one: _Property) -> bool:
    return len(one.value) == len("20260101")


def _first(event: _Event, name: str) -> str:
    found = event.get(name)
    return found[0].value if found else ""


def _events(text: str) -> Iterator[_Event]:
    """The properties of each VEVENT; parts inside of one, such as alarms, are passed over."""
    event: _Event | None = None
    depth = 0
    for line in re.sub(r"\r?\n[ \t]", "", text).splitlines():
        match = _LINE.fullmatch(line.rstrip())
        if match is None:
            continue
        name, value = match["name"].upper(), match["value"]
        if event is None:
            event = {} if (name, value.upper()) == ("BEGIN", "VEVENT") else None
        elif name == "BEGIN":
            depth += 1
        elif name == "END" and depth:
            depth -= 1
        elif name == "END":
            yield event
            event = None
        elif not depth:
            params = {k.upper(): v.strip('"') for k, v in _PARAM.findall(match["params"])}
            event.setdefault(name, []).append(_Property(params, value))
