"""What of a roster will fail somebody at night: hours that nobody covers, people nothing reaches.

Pure. Legal, so warnings and no errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from alerts.on_call.config import OnCallConfig
from alerts.on_call.roster import FIELD, Roster
from alerts.on_call.schedule import Override, Shift, gaps, shifts

LOOK_AHEAD_MS = 28 * 24 * 3_600_000
"""Four weeks: each person of most rotations has had a turn."""
MAX_NAMED = 3


def schedule_gaps(
    roster: Roster, now_ms: int, until_ms: int, overrides: Iterable[Override] = ()
) -> dict[str, list[Shift]]:
    """The hours that nobody covers, by schedule; schedules without any are left out."""
    standing = list(overrides)
    found = {
        name: gaps(shifts(schedule, now_ms, until_ms, standing))
        for name, schedule in roster.schedules.items()
    }
    return {name: holes for name, holes in found.items() if holes}


def roster_warnings(config: OnCallConfig, roster: Roster, now_ms: int) -> list[tuple[str, str]]:
    """(field, text) of each gap in the next weeks and of each person whom nothing reaches."""
    return [*_gap_warnings(config, roster, now_ms), *_unreached(config)]


def _gap_warnings(config: OnCallConfig, roster: Roster, now_ms: int) -> Iterator[tuple[str, str]]:
    found = schedule_gaps(roster, now_ms, now_ms + LOOK_AHEAD_MS)
    for i, schedule in enumerate(config.schedules):
        holes = found.get(schedule.name)
        if not holes:
            continue
        zone = roster.schedules[schedule.name].zone
        hours = sum(one.end_ms - one.start_ms for one in holes) / 3_600_000
        named = ", ".join(_from_to(one, zone) for one in holes[:MAX_NAMED])
        more = f" and {len(holes) - MAX_NAMED} more" if len(holes) > MAX_NAMED else ""
        text = f"nobody is on call for {hours:g} h of the next 4 weeks: {named}{more}"
        yield f"{FIELD}.schedules[{i}]", text


def _from_to(gap: Shift, zone: ZoneInfo) -> str:
    start, end = (datetime.fromtimestamp(ms / 1000, zone) for ms in (gap.start_ms, gap.end_ms))
    same_day = start.date() == end.date() or end - start < timedelta(days=1)
    return (
        f"{start:%a %d %b %H:%M} to {end:%H:%M}"
        if same_day
        else (f"{start:%a %d %b %H:%M} to {end:%a %d %b %H:%M}")
    )


def _unreached(config: OnCallConfig) -> Iterator[tuple[str, str]]:
    asked = {name for one in config.schedules for layer in one.layers for name in layer.people}
    asked |= {name for one in config.escalations for step in one.steps for name in step.people}
    for i, person in enumerate(config.people):
        if person.name in asked and not person.receivers:
            text = f"nothing reaches {person.name}: give them receivers"
            yield f"{FIELD}.people[{i}]", text
