"""`Incident`: what is wrong now, as people deal with it, and what each act makes of it. Pure.

Alerts of one group become an incident when the group is first told of; it ends with them. Each act
gives the incident as it is then and the event that tells of it, or nothing where nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from alerts.events import Event, EventKind
from alerts.notification import IncidentBrief
from alerts.on_call.severity import Severity
from collector.model.durations import format_duration
from collector.model.errors import InputError
from collector.model.labels import NO_LABELS, Labels

Status = Literal["triggered", "acknowledged", "snoozed", "resolved"]
STATUSES: tuple[Status, ...] = ("triggered", "acknowledged", "snoozed", "resolved")
STORY_LINES = 6
"""Lines of the story that a message carries; the page has all of them."""
MAX_SNOOZE_MS = 7 * 24 * 3_600_000
"""A longer rest is a silence, which says whose it is and why."""
MAX_COMMENT_CHARS = 4_000
NEVER_MS = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an escalation has come: the steps that were taken, in which round, when the next is.

    `due_ms` is NEVER_MS when no step is to come.
    """

    policy: str = ""
    steps_taken: int = 0
    rounds_done: int = 0
    due_ms: int = NEVER_MS


NO_PROGRESS = Progress()


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident; times are milliseconds since 1970, 0 for never.

    `asked` says when each receiver was last asked to speak of it (0: by its route); `called` are
    those whom people or escalation asked, whatever the routes of its alerts say; `until_ms` is
    when a snooze or an acknowledgement ends by itself; `resolved_by` is "" when its alerts ended;
    `story` holds its last lines; `context` what was found around its start, as JSON has it.
    """

    number: int
    status: Status
    severity: Severity
    title: str
    opened_at_ms: int
    labels: Labels = NO_LABELS
    team: str = ""
    owner: str = ""
    acknowledged_at_ms: int = NEVER_MS
    resolved_at_ms: int = NEVER_MS
    resolved_by: str = ""
    until_ms: int = NEVER_MS
    alert_count: int = 0
    reopened: int = 0
    merged_into: int = 0
    asked: Mapping[str, int] = field(default_factory=dict)
    called: tuple[str, ...] = ()
    progress: Progress = NO_PROGRESS
    seen_by: tuple[str, ...] = ()
    story: tuple[str, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        """Whether it has not been resolved."""
        return self.status != "resolved"

    @property
    def next_ms(self) -> int:
        """When time alone does something to it; NEVER_MS when it does not."""
        if not self.is_open:
            return NEVER_MS
        due = (self.until_ms, self.progress.due_ms if self.status == "triggered" else NEVER_MS)
        return min((at for at in due if at), default=NEVER_MS)

    def brief(self, url: str = "", acknowledge_url: str = "") -> IncidentBrief:
        """What messages say of it."""
        return IncidentBrief(
            self.number,
            self.status,
            self.severity,
            self.owner,
            url,
            tuple(self.story),
            acknowledge_url if self.status == "triggered" else "",
        )


@dataclass(frozen=True, slots=True)
class Change:
    """An incident after something happened to it, and what happened.

    `speaks` names the receivers that are told at once, whatever their repeat interval; `alters`:
    channels that can change their message do so.
    """

    incident: Incident
    events: tuple[Event, ...] = ()
    speaks: frozenset[str] = frozenset()
    alters: bool = True


def told(
    incident: Incident,
    kind: EventKind,
    at_ms: int,
    actor: str,
    text: str,
    data: Mapping[str, object] | None = None,
    *,
    speaks: frozenset[str] = frozenset(),
) -> Change:
    """The incident with one more line in its story, and the event that the line tells of."""
    line = f"{datetime.fromtimestamp(at_ms / 1000, UTC):%H:%M} {text}"
    story = (*incident.story, line)[-STORY_LINES:]
    event = Event(at_ms, kind, incident.number, actor=actor, text=text, data=data or {})
    return Change(replace(incident, story=story), (event,), speaks)


def acknowledge(incident: Incident, actor: str, now_ms: int, timeout_ms: int = 0) -> Change | None:
    """Someone works on it, for `timeout_ms` at most (0: until it ends)."""
    _must_be_open(incident)
    if incident.status == "acknowledged":
        return None
    after = replace(
        incident,
        status="acknowledged",
        owner=incident.owner or actor,
        acknowledged_at_ms=incident.acknowledged_at_ms or now_ms,
        until_ms=now_ms + timeout_ms if timeout_ms else NEVER_MS,
        progress=replace(incident.progress, due_ms=NEVER_MS),
    )
    return told(after, EventKind.ACKNOWLEDGED, now_ms, actor, f"{actor} acknowledged it")


def unacknowledge(
    incident: Incident, actor: str, now_ms: int, progress: Progress = NO_PROGRESS
) -> Change | None:
    """Nobody works on it any more: escalation begins again, by `progress`."""
    _must_be_open(incident)
    if incident.status != "acknowledged":
        return None
    after = replace(_triggered(incident, progress), owner="")
    text = f"{actor} took the acknowledgement back"
    return told(after, EventKind.UNACKNOWLEDGED, now_ms, actor, text)


def assign(
    incident: Incident, person: str, receivers: tuple[str, ...], actor: str, now_ms: int
) -> Change | None:
    """Make someone its owner, and tell the receivers that are theirs."""
    _must_be_open(incident)
    if not person.strip():
        raise InputError("nobody is named", advice="name the person to assign it to")
    if incident.owner == person:
        return None
    after = replace(called(incident, receivers, now_ms), owner=person)
    text = f"{actor} assigned it to {person}"
    data: dict[str, object] = {"person": person, "receivers": list(receivers)}
    speaks = frozenset(receivers)
    return told(after, EventKind.ASSIGNED, now_ms, actor, text, data, speaks=speaks)


def called(incident: Incident, receivers: Iterable[str], now_ms: int) -> Incident:
    """The incident once receivers are asked to speak of it, whatever its alerts' routes say."""
    some = tuple(receivers)
    asked = {**incident.asked, **dict.fromkeys(some, now_ms)}
    return replace(incident, asked=asked, called=tuple(sorted({*incident.called, *some})))


def snooze(incident: Incident, duration_ms: int, actor: str, now_ms: int) -> Change:
    """Say nothing for a while; an incident that is still open speaks again after it."""
    _must_be_open(incident)
    if not 0 < duration_ms <= MAX_SNOOZE_MS:
        raise InputError(
            f"{duration_ms / 1000:g} s is no time to snooze",
            advice=f"up to {format_duration(MAX_SNOOZE_MS)}; for longer, silence its alerts",
        )
    after = replace(
        incident,
        status="snoozed",
        until_ms=now_ms + duration_ms,
        progress=replace(incident.progress, due_ms=NEVER_MS),
    )
    text = f"{actor} snoozed it for {format_duration(duration_ms)}"
    data = {"until_ms": after.until_ms}
    return told(after, EventKind.SNOOZED, now_ms, actor, text, data)


def comment(incident: Incident, text: str, actor: str, now_ms: int) -> Change:
    """Add to its story; that may also be done after its end."""
    stripped = text.strip()
    if not stripped or len(stripped) > MAX_COMMENT_CHARS:
        raise InputError(
            "a comment has no text" if not stripped else "a comment is too long",
            advice=f"write 1 to {MAX_COMMENT_CHARS:,} characters",
        )
    return told(incident, EventKind.COMMENTED, now_ms, actor, f"{actor}: {stripped}")


def resolve(
    incident: Incident, actor: str, now_ms: int, text: str = "", ended_at_ms: int = 0
) -> Change | None:
    """Close it by hand (`actor` a person), or since its alerts ended (`actor` "")."""
    if not incident.is_open:
        return None
    after = replace(
        incident,
        status="resolved",
        resolved_at_ms=ended_at_ms or now_ms,
        resolved_by=actor,
        until_ms=NEVER_MS,
        progress=replace(incident.progress, due_ms=NEVER_MS),
    )
    said = f": {text.strip()}" if text.strip() else ""
    line = f"{actor} resolved it{said}" if actor else "its alerts ended"
    return told(after, EventKind.CLOSED, now_ms, actor or "tocsin", line)


def reopen(incident: Incident, now_ms: int, progress: Progress = NO_PROGRESS) -> Change:
    """Its alerts fire again soon after they ended: the same incident, not another one."""
    again = replace(
        _triggered(incident, progress),
        resolved_at_ms=NEVER_MS,
        resolved_by="",
        reopened=incident.reopened + 1,
        asked={},
        called=(),
    )
    return told(again, EventKind.REOPENED, now_ms, "tocsin", "it fires again")


def wake(incident: Incident, now_ms: int, progress: Progress = NO_PROGRESS) -> Change:
    """A snooze or an acknowledgement is over: it speaks again, and escalation begins again."""
    was_snoozed = incident.status == "snoozed"
    text = "the snooze is over" if was_snoozed else "the acknowledgement lapsed"
    asked = dict.fromkeys(incident.asked, now_ms)
    again = replace(_triggered(incident, progress), asked=asked)
    return told(
        again, EventKind.UNACKNOWLEDGED, now_ms, "tocsin", text, speaks=frozenset(incident.asked)
    )


def merge(incident: Incident, into: Incident, actor: str, now_ms: int) -> tuple[Change, Change]:
    """End one as a part of another; gives both."""
    _must_be_open(into)
    if incident.number == into.number:
        raise InputError("an incident can't be merged into itself", advice="name two numbers")
    _must_be_open(incident)
    closed = replace(
        incident,
        status="resolved",
        resolved_at_ms=now_ms,
        resolved_by=actor,
        until_ms=NEVER_MS,
        merged_into=into.number,
        progress=replace(incident.progress, due_ms=NEVER_MS),
    )
    grown = replace(
        into,
        asked={**incident.asked, **into.asked},
        called=tuple(sorted({*incident.called, *into.called})),
        alert_count=into.alert_count + incident.alert_count,
    )
    return (
        told(closed, EventKind.MERGED, now_ms, actor, f"{actor} merged it into #{into.number}"),
        told(grown, EventKind.MERGED, now_ms, actor, f"{actor} merged #{incident.number} into it"),
    )


def _triggered(incident: Incident, progress: Progress) -> Incident:
    return replace(incident, status="triggered", until_ms=NEVER_MS, progress=progress)


def _must_be_open(incident: Incident) -> None:
    if not incident.is_open:
        raise InputError(
            f"incident {incident.number} is resolved", advice="it opens again when its alerts fire"
        )
