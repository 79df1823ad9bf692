"""Why an alert was told, or not: its way through the routes, its groups, and what holds it back.

Pure: of an alert that is held or of one that somebody thinks up, by the rules that would decide.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerts.dedup import Told
from alerts.dispatch import Group, GroupId, Hiding, Place
from alerts.mute_times import is_muted
from alerts.route import Route
from alerts.silence import Silence, hiding
from alerts.state import StoredAlert
from collector.model.labels import Labels, quote
from collector.model.matchers import Matcher


@dataclass(frozen=True, slots=True)
class RouteStep:
    """One node that the alert came to: whether it matched and takes the alert, and why."""

    depth: int
    route: str
    receiver: str
    matches: bool
    takes: bool
    because: str


@dataclass(frozen=True, slots=True)
class ToldWhy:
    """What one integration was told of this alert; `at_ms` 0 for never.

    `status` says so in words, also where the message still waits to be sent; `repeats_at_ms` is
    when it is told again if nothing changes, 0 for never.
    """

    integration: str
    at_ms: int = 0
    status: str = "not told"
    repeats_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class GroupWhy:
    """One group that the alert is in, or would come into.

    `next_flush_ms` is when it is asked next; for a group that is not there yet, when it would be
    asked if the alert came now.
    """

    receiver: str
    route: str
    key: str
    labels: Labels
    is_open: bool
    alerts: int
    next_flush_ms: int
    muted_by: str
    told: tuple[ToldWhy, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """All that decides about one alert at one moment; `status` is `firing`, `resolved` or `unknown`
    for an alert that is not held.
    """

    labels: Labels
    fingerprint: str
    at_ms: int
    status: str
    steps: tuple[RouteStep, ...]
    groups: tuple[GroupWhy, ...]
    inhibited_by: Labels | None
    silenced_by: tuple[Silence, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known at one moment: the tree, its groups, what was told and what hides."""

    root: Route
    groups: Mapping[GroupId, Group]
    places: Mapping[str, Sequence[Place]]
    hiding: Hiding


def explain(
    labels: Labels,
    fingerprint: str,
    stored: StoredAlert | None,
    known: Known,
    told: Mapping[tuple[str, str], Told],
    waiting: Collection[tuple[str, str]] = (),
) -> Why:
    """Why an alert with these labels is told, or not.

    `told` is what was decided to tell, by group key and integration; `waiting` names those whose
    message has not been delivered yet.
    """
    hidden, now_ms = known.hiding, known.hiding.now_ms
    silences = {silence.id: silence for silence in hidden.silences}
    status = "unknown" if stored is None else "resolved" if stored.ended else "firing"
    return Why(
        labels,
        fingerprint,
        now_ms,
        status,
        tuple(_walk(known.root, labels, 0)),
        tuple(
            _group(route, labels, fingerprint, known, told, waiting)
            for route in known.root.match(labels)
        ),
        hidden.inhibitor.hidden_by(labels),
        tuple(silences[one] for one in hiding(hidden.silences, labels, now_ms)),
    )


def _walk(route: Route, labels: Labels, depth: int) -> Iterator[RouteStep]:
    """The nodes in the order in which they are asked; below one that does not match, none is."""
    refusing = next((m for m in route.matchers if not m.matches(labels.get(m.name, ""))), None)
    if refusing is not None:
        yield _step(route, depth, False, False, _refusal(refusing, labels))
        return
    below = list(_below(route, labels, depth + 1))
    took = any(step.takes for step in below)
    because = "a route below takes it" if took else "no route below matches" if below else "matches"
    yield _step(route, depth, True, not took, because)
    yield from below


def _below(route: Route, labels: Labels, depth: int) -> Iterator[RouteStep]:
    taken = False
    for child in route.children:
        if taken:
            yield _step(child, depth, False, False, "not asked: the route before it took the alert")
            continue
        steps = list(_walk(child, labels, depth))
        yield from steps
        taken = steps[0].matches and not child.continues


def _step(route: Route, depth: int, matches: bool, takes: bool, because: str) -> RouteStep:
    return RouteStep(depth, route.written, route.receiver, matches, takes, because)


def _refusal(matcher: Matcher, labels: Labels) -> str:
    value = labels.get(matcher.name, "")
    found = f"{matcher.name} is {quote(value)}" if value else f"it has no label {matcher.name}"
    return f"{found}, and the route wants {matcher}"


def _group(
    route: Route,
    labels: Labels,
    fingerprint: str,
    known: Known,
    told: Mapping[tuple[str, str], Told],
    waiting: Collection[tuple[str, str]],
) -> GroupWhy:
    now_ms, group_labels = known.hiding.now_ms, route.group_labels(labels)
    key = route.group_key(group_labels)
    group = known.groups.get((route.id, group_labels))
    names = (route.mute_time_intervals, route.active_time_intervals)
    return GroupWhy(
        receiver=route.receiver,
        route=route.key,
        key=key,
        labels=group_labels,
        is_open=group is not None,
        alerts=len(group.members) if group is not None else 0,
        next_flush_ms=group.state.next_flush_ms if group else now_ms + route.timers.wait_ms,
        muted_by=is_muted(now_ms, *names, known.hiding.intervals),
        told=tuple(
            _told(
                place,
                fingerprint,
                told.get((key, place.integration)),
                route,
                (key, place.integration) in waiting,
            )
            for place in known.places.get(route.receiver, ())
        ),
    )


def _told(place: Place, fingerprint: str, told: Told | None, route: Route, waits: bool) -> ToldWhy:
    if told is None or fingerprint not in told.firing | told.resolved:
        return ToldWhy(place.integration)
    fires = fingerprint in told.firing
    status = f"{'waits to be told' if waits else 'told'} that it {'fires' if fires else 'ended'}"
    repeats_at_ms = told.at_ms + route.timers.repeat_ms if fires else 0
    return ToldWhy(place.integration, told.at_ms, status, repeats_at_ms)
