"""`Notification` (a group's alerts and the `Reason` to speak): the value that a channel receives.

It is complete: a channel needs no clock, no store and no configuration of routes to write its
message, and the outbox keeps it as JSON until it was delivered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from collector.model.alert import Alert
from collector.model.labels import NO_LABELS, Labels


class Reason(StrEnum):
    """Why a group is notified, in Alertmanager's words."""

    FIRST = "first notification"
    NEW_ALERTS = "new alerts in group"
    NEW_RESOLVED = "new resolved alerts"
    ALL_RESOLVED = "all alerts resolved"
    REPEAT = "repeat interval elapsed"
    DIGEST = "digest of a storm"
    """Several groups in one message, since their receiver had too many at once."""
    CHANGED = "incident changed"
    """Someone acknowledged, snoozed, ...: only for channels that change the message they sent."""


@dataclass(frozen=True, slots=True)
class IncidentBrief:
    """What a message says of the incident that its group belongs to.

    `status` is `triggered`, `acknowledged`, `snoozed` or `resolved`; `severity` is `critical`,
    `warning` or `info`; `owner` is who acknowledged it or had it assigned; `story` holds its last
    lines, oldest first, each a text for people; `url` is its page. `acknowledge_url` is signed: who
    has it may acknowledge, so it stands only where those look who are asked (mail).
    """

    number: int
    status: str
    severity: str
    owner: str = ""
    url: str = ""
    story: tuple[str, ...] = ()
    acknowledge_url: str = ""


@dataclass(frozen=True, slots=True)
class Notification:
    """What is to be said, once, by one integration of a receiver.

    `alerts` that fire have `ends_at_ms` None. `id` stays the same over retries and restarts, so
    that a receiver can tell a repetition. `note` says how it came about where no route explains it:
    a digest, or a receiver that steps in for another one. `remembered` is what the channel asked to
    keep after its last message about this group (such as Slack's message id).
    """

    id: str
    receiver: str
    group_key: str
    group_labels: Labels
    alerts: tuple[Alert, ...]
    reason: Reason
    at_ms: int
    external_url: str = ""
    incident: IncidentBrief | None = None
    note: str = ""
    remembered: Mapping[str, str] = field(default_factory=dict)

    @property
    def firing(self) -> tuple[Alert, ...]:
        """Alerts that have not ended."""
        return tuple(alert for alert in self.alerts if alert.ends_at_ms is None)

    @property
    def resolved(self) -> tuple[Alert, ...]:
        """Alerts that have ended."""
        return tuple(alert for alert in self.alerts if alert.ends_at_ms is not None)

    @property
    def status(self) -> str:
        """`firing` while one alert is, else `resolved`."""
        return "firing" if self.firing else "resolved"

    @property
    def common_labels(self) -> Labels:
        """Labels that all alerts share."""
        if not self.alerts:
            return NO_LABELS
        shared = set(self.alerts[0].labels.pairs)
        shared.intersection_update(*(alert.labels.pairs for alert in self.alerts[1:]))
        return Labels(shared)

    @property
    def common_annotations(self) -> dict[str, str]:
        """Annotations that all alerts share."""
        if not self.alerts:
            return {}
        shared = set(self.alerts[0].annotations.items())
        shared.intersection_update(*(alert.annotations.items() for alert in self.alerts[1:]))
        return dict(sorted(shared))


def encode_alert(alert: Alert) -> dict[str, object]:
    """An alert as values that JSON has."""
    return {
        "labels": dict(alert.labels.pairs),
        "annotations": dict(alert.annotations),
        "starts_at_ms": alert.starts_at_ms,
        "ends_at_ms": alert.ends_at_ms,
        "generator_url": alert.generator_url,
        "evidence": alert.evidence,
    }


def decode_alert(data: Mapping[str, object]) -> Alert:
    """The alert that `encode_alert` wrote."""
    return Alert(**{**data, "labels": Labels(data["labels"])})  # type: ignore[arg-type]


def encode(notification: Notification) -> str:
    """A notification as one JSON text; `remembered` is kept elsewhere."""
    return json.dumps(
        {
            "id": notification.id,
            "receiver": notification.receiver,
            "group_key": notification.group_key,
            "group_labels": dict(notification.group_labels.pairs),
            "alerts": [encode_alert(alert) for alert in notification.alerts],
            "reason": notification.reason,
            "at_ms": notification.at_ms,
            "external_url": notification.external_url,
            "note": notification.note,
            "incident": asdict(notification.incident) if notification.incident else None,
        },
        default=str,
    )


def decode(text: str, remembered: Mapping[str, str]) -> Notification:
    """The notification that `encode` wrote."""
    data = json.loads(text)
    return Notification(
        id=data["id"],
        receiver=data["receiver"],
        group_key=data["group_key"],
        group_labels=Labels(data["group_labels"]),
        alerts=tuple(map(decode_alert, data["alerts"])),
        reason=Reason(data["reason"]),
        at_ms=data["at_ms"],
        external_url=data["external_url"],
        note=data.get("note", ""),
        incident=_decode_brief(data.get("incident")),
        remembered=remembered,
    )


def _decode_brief(data: Mapping[str, Any] | None) -> IncidentBrief | None:
    return IncidentBrief(**{**data, "story": tuple(data["story"])}) if data else None
