"""Alerts and groups as people see them: where they go, and what holds them back now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from alerts.dispatch import Group, Hiding
from alerts.route import Route
from alerts.silence import hiding
from alerts.state import StoredAlert
from collector.model.labels import Labels


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert as people see it; `muted_by` are the time intervals that mute all of its routes."""

    stored: StoredAlert
    receivers: tuple[str, ...]
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    muted_by: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """`active`, `suppressed` or `resolved`."""
        if self.stored.ended:
            return "resolved"
        held = self.silenced_by or self.inhibited_by or self.muted_by
        return "suppressed" if held else "active"


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group as people see it."""

    key: str
    labels: Labels
    receiver: str
    alerts: tuple[AlertView, ...]
    next_flush_ms: int
    muted_by: tuple[str, ...] = ()


def view_alert(stored: StoredAlert, root: Route, hidden: Hiding) -> AlertView:
    """An alert with its receivers by a routing tree, and what hides it."""
    labels = stored.alert.labels
    source = hidden.inhibitor.hidden_by(labels)
    routes = root.match(labels)
    return AlertView(
        stored,
        tuple(route.receiver for route in routes),
        tuple(hiding(hidden.silences, labels, hidden.now_ms)),
        (f"{source.stable_hash():016x}",) if source is not None else (),
        _muted_everywhere(routes, hidden),
    )


def view_group(
    group: Group, members: Sequence[StoredAlert], root: Route, hidden: Hiding
) -> GroupView:
    """A group with those of its alerts that fire, muted as its own route is."""
    muted_by = hidden.muted_by(group.route)
    firing = (view_alert(one, root, hidden) for one in members if not one.ended)
    return GroupView(
        group.key,
        group.labels,
        group.route.receiver,
        tuple(replace(view, muted_by=muted_by) for view in firing),
        group.state.next_flush_ms,
        muted_by,
    )


def _muted_everywhere(routes: Sequence[Route], hidden: Hiding) -> tuple[str, ...]:
    by_route = [hidden.muted_by(route) for route in routes]
    return tuple(dict.fromkeys(name for names in by_route for name in names if all(by_route)))
