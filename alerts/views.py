"""Alerts and groups as people see them: where they go, and what holds them back now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.dispatch import Group, Hiding
from alerts.route import Route
from alerts.silence import hiding
from alerts.state import StoredAlert
from collector.model.labels import Labels


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert as people see it."""

    stored: StoredAlert
    receivers: tuple[str, ...]
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]

    @property
    def state(self) -> str:
        """`active`, `suppressed` or `resolved`."""
        if self.stored.ended:
            return "resolved"
        return "suppressed" if self.silenced_by or self.inhibited_by else "active"


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group as people see it."""

    key: str
    labels: Labels
    receiver: str
    alerts: tuple[AlertView, ...]
    next_flush_ms: int


def view_alert(stored: StoredAlert, root: Route, hidden: Hiding) -> AlertView:
    """An alert with its receivers by a routing tree, and what hides it."""
    labels = stored.alert.labels
    source = hidden.inhibitor.hidden_by(labels)
    return AlertView(
        stored,
        tuple(route.receiver for route in root.match(labels)),
        tuple(hiding(hidden.silences, labels, hidden.now_ms)),
        (f"{source.stable_hash():016x}",) if source is not None else (),
    )


def view_group(
    group: Group, members: Sequence[StoredAlert], root: Route, hidden: Hiding
) -> GroupView:
    """A group with those of its alerts that fire."""
    return GroupView(
        group.key,
        group.labels,
        group.route.receiver,
        tuple(view_alert(one, root, hidden) for one in members if not one.ended),
        group.state.next_flush_ms,
    )
