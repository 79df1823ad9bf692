"""Why an alert was told or not, and the story of alerts, as pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from alerts.events import Event, EventKind, EventSearch
from alerts.service import AlertService
from alerts.story import find_story
from alerts.why import GroupWhy, Why
from collector.model.labels import Labels

SHOWN_EVENTS = 200
TONES = {
    EventKind.FIRED: "bad",
    EventKind.REFUSED: "bad",
    EventKind.RESOLVED: "good",
    EventKind.CLOSED: "good",
    EventKind.NOTIFIED: "good",
    EventKind.SILENCED: "warn",
    EventKind.INHIBITED: "warn",
    EventKind.MUTED: "warn",
    EventKind.ESCALATED: "warn",
}


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event as pages show it."""

    at_ms: int
    kind: str
    tone: str
    incident: int
    actor: str
    text: str
    href: str


def why_link(labels: Labels) -> str:
    """The page that explains an alert with these labels."""
    return "/alerts/why?" + urlencode({"labels": written(labels)})


def written(labels: Labels) -> str:
    """Labels as the form takes them."""
    return ", ".join(f'{name}="{_escaped(value)}"' for name, value in labels.pairs)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def why_view(
    service: AlertService, labels: Labels | None, problem: str = ""
) -> Mapping[str, object]:
    """The values of `why.html`; `labels` None for a form that nobody filled in."""
    if labels is None:
        return {"asked": "", "why": None, "problem": problem, "events": []}
    why = service.why(labels)
    return {
        "asked": written(labels),
        "why": why,
        "verdict": verdict(why),
        "problem": problem,
        "events": _events_of(service, why),
    }


def verdict(why: Why) -> str:
    """One sentence: whether somebody is told, and if not, why."""
    if why.inhibited_by is not None:
        return f"Nobody is told: {why.inhibited_by} inhibits it."
    if why.silenced_by:
        one = why.silenced_by[0]
        return f"Nobody is told: {one.created_by} silenced it ({one.comment})."
    speaking = [group for group in why.groups if not group.muted_by and group.told]
    if not speaking:
        muted = [
            f"{group.receiver} is muted now ({group.muted_by})"
            for group in why.groups
            if group.muted_by
        ]
        return f"Nobody is told: {'; '.join(muted) or 'its receiver has no integrations'}."
    told = {one.integration: one.status for group in speaking for one in group.told if one.at_ms}
    if told:
        said = (f"{name} {status}" for name, status in sorted(told.items()))
        return f"{'; '.join(said)}."
    names = sorted({group.receiver for group in speaking})
    if why.status == "unknown":
        return f"It would be told to {', '.join(names)}."
    return f"It is about to be told to {', '.join(names)}."


def _events_of(service: AlertService, why: Why) -> list[EventRow]:
    searches = [EventSearch(fingerprint=why.fingerprint, limit=SHOWN_EVENTS)]
    searches += [_sends(group) for group in why.groups]
    with service.database.read() as connection:
        found = {
            event_key(one): one for search in searches for one in find_story(connection, search)
        }
    newest_first = sorted(found.values(), key=lambda event: -event.at_ms)
    return [event_row(event) for event in newest_first[:SHOWN_EVENTS]]


def _sends(group: GroupWhy) -> EventSearch:
    kinds = (EventKind.NOTIFIED, EventKind.REFUSED, EventKind.SUPERSEDED)
    return EventSearch(kinds=kinds, group_key=group.key, limit=SHOWN_EVENTS)


def event_key(event: Event) -> tuple[object, ...]:
    """What tells events apart."""
    return event.at_ms, event.kind, event.group_key, event.text


def history_view(service: AlertService, search: EventSearch) -> Mapping[str, object]:
    """The values of `history.html`."""
    with service.database.read() as connection:
        found = find_story(connection, search)
    return {
        "events": [event_row(event) for event in found],
        "kinds": [str(kind) for kind in EventKind],
        "search": search,
        "kind": str(search.kinds[0]) if search.kinds else "",
    }


def event_row(event: Event) -> EventRow:
    """An event for a table."""
    labels = event.data.get("labels")
    href = why_link(Labels(labels)) if isinstance(labels, Mapping) else ""
    return EventRow(
        event.at_ms,
        str(event.kind),
        TONES.get(event.kind, ""),
        event.incident,
        event.actor,
        event.text,
        href,
    )
