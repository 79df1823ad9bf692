"""What is said when an incident changes and its alerts don't: `Reason.CHANGED`. Pure.

Only for integrations that can change the message that they sent, and that sent one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from alerts.dedup import Told
from alerts.delivery_log import Decision
from alerts.dispatch import Group, Place, Seen, notification_id, told_alerts
from alerts.notification import Notification, Reason


def altered(
    group: Group,
    seen: Seen,
    places: Iterable[Place],
    told: Mapping[tuple[str, str], Told],
    now_ms: int,
    external_url: str,
) -> list[Decision]:
    """One decision for each integration that has something to change."""
    stored = sorted((*seen.shown, *seen.hidden), key=lambda one: one.alert.labels.pairs)
    if all(one.ended for one in stored):
        return []
    decisions = []
    for place in places:
        before = told.get((group.key, place.integration))
        if not place.takes_changes or before is None or not before.firing:
            continue
        notification = Notification(
            id=notification_id(group.key, place.integration, Reason.CHANGED, now_ms),
            receiver=place.receiver,
            group_key=group.key,
            group_labels=group.labels,
            alerts=told_alerts(stored, place.send_resolved),
            reason=Reason.CHANGED,
            at_ms=now_ms,
            external_url=external_url,
        )
        decisions.append(Decision(place.integration, group.key, before, before, notification))
    return decisions
