"""How a team fares: time to acknowledge, to resolve, between incidents; pages a shift; noise. Pure.

Means are over the incidents that were opened in the stretch of time and have the figure: one that
nobody acknowledged has no time to acknowledge. Merged incidents are parts of others and not counted
themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from alerts.events import Event, EventKind
from alerts.on_call.incident import NEVER_MS, Incident
from alerts.on_call.schedule import Shift

SHORT_LIVED_MS = 5 * 60_000
"""An incident that ended by itself so soon, and that nobody touched, was noise."""

FOREVER_MS = 2**62


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and median of some times in seconds; None where there are none."""

    count: int
    mean_seconds: float | None
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class NoisyAlert:
    """What one alert made of itself: incidents, those nobody acknowledged, those that were short,
    and how often one was opened again.
    """

    alertname: str
    service: str
    incidents: int
    never_acknowledged: int
    short_lived: int
    reopened: int

    @property
    def noise_ratio(self) -> float:
        """The share of its incidents that nobody acknowledged."""
        return self.never_acknowledged / self.incidents


@dataclass(frozen=True, slots=True)
class ShiftLoad:
    """What one person's shifts brought."""

    person: str
    shifts: int
    pages: int

    @property
    def pages_per_shift(self) -> float:
        """Pages by shifts; pages outside of any shift count as one shift's."""
        return self.pages / max(self.shifts, 1)


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of a stretch of time [from, until)."""

    from_ms: int
    until_ms: int
    incidents: int
    by_severity: Mapping[str, int]
    to_acknowledge: Spread
    to_resolve: Spread
    between: Spread
    never_acknowledged: int
    escalations: int
    loads: Sequence[ShiftLoad]
    noisy: Sequence[NoisyAlert]

    @property
    def pages_per_shift(self) -> float | None:
        """Over all people; None without shifts."""
        shifts = sum(one.shifts for one in self.loads)
        return sum(one.pages for one in self.loads) / shifts if shifts else None


def report(
    incidents: Iterable[Incident],
    events: Iterable[Event],
    shifts: Iterable[Shift],
    from_ms: int,
    until_ms: int,
) -> Report:
    """The figures of the incidents that were opened in [from, until).

    `events` are those of escalation and assignment in it, `shifts` those of all schedules.
    """
    mine = [
        one
        for one in sorted(incidents, key=lambda one: one.opened_at_ms)
        if from_ms <= one.opened_at_ms < until_ms and not one.merged_into
    ]
    asked = [one for one in events if from_ms <= one.at_ms < until_ms]
    return Report(
        from_ms,
        until_ms,
        len(mine),
        Counter(one.severity for one in mine),
        _spread(
            one.acknowledged_at_ms - one.opened_at_ms for one in mine if one.acknowledged_at_ms
        ),
        _spread(one.resolved_at_ms - one.opened_at_ms for one in mine if one.resolved_at_ms),
        _spread(_between(mine)),
        sum(map(_is_untouched, mine)),
        sum(one.kind is EventKind.ESCALATED for one in asked),
        _loads(asked, shifts),
        noisy_alerts(mine),
    )


def noisy_alerts(incidents: Iterable[Incident]) -> list[NoisyAlert]:
    """Alerts by what they made of themselves, the noisiest first; those that none was are left."""
    found: dict[tuple[str, str], list[Incident]] = {}
    for one in incidents:
        key = one.labels.get("alertname", one.title), one.labels.get("service", "")
        found.setdefault(key, []).append(one)
    noisy = [
        NoisyAlert(
            *key,
            len(some),
            sum(map(_is_untouched, some)),
            sum(map(_is_short_lived, some)),
            sum(one.reopened for one in some),
        )
        for key, some in found.items()
    ]
    noisy = [one for one in noisy if one.never_acknowledged or one.reopened]
    return sorted(noisy, key=lambda one: (-one.never_acknowledged - one.reopened, one.alertname))


def _between(incidents: Sequence[Incident]) -> list[int]:
    """From the end of all before to the beginning of the next, where they do not overlap."""
    times, end_ms = [], NEVER_MS
    for one in incidents:
        if NEVER_MS < end_ms <= one.opened_at_ms:
            times.append(one.opened_at_ms - end_ms)
        end_ms = max(end_ms, one.resolved_at_ms or FOREVER_MS)
    return times


def _spread(times_ms: Iterable[int]) -> Spread:
    found = [max(ms, 0) / 1000 for ms in times_ms]
    if not found:
        return Spread(0, None, None)
    return Spread(len(found), fmean(found), median(found))


def _is_untouched(incident: Incident) -> bool:
    """Whether it ended by itself and nobody ever acknowledged it."""
    return not (incident.is_open or incident.acknowledged_at_ms or incident.resolved_by)


def _is_short_lived(incident: Incident) -> bool:
    lasted_ms = incident.resolved_at_ms - incident.opened_at_ms
    return _is_untouched(incident) and lasted_ms <= SHORT_LIVED_MS


def _loads(events: Iterable[Event], shifts: Iterable[Shift]) -> list[ShiftLoad]:
    pages: Counter[str] = Counter()
    for one in events:
        people = one.data.get("people", [one.data["person"]] if "person" in one.data else [])
        if isinstance(people, list):
            pages.update(map(str, people))
    turns = Counter(shift.person for shift in shifts if shift.person)
    names = sorted({*pages, *turns})
    return [ShiftLoad(name, turns[name], pages[name]) for name in names]
