"""What a Jinja text sees of a notification: Alertmanager's JSON by its names, and what is ours.

Pure. `incident` is None where there is none; an alert has `evidence` (what its judge knows) and
`seconds`, how long it has been firing, or fired.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from alerts.alertmanager_json import alertmanager_json
from alerts.notification import IncidentBrief, Notification

NAMES = frozenset(
    {"receiver", "status", "alerts", "firing", "resolved", "groupKey", "groupLabels",
     "commonLabels", "commonAnnotations", "externalURL", "reason", "note", "incident"}
)  # fmt: skip


def jinja_data(notification: Notification) -> dict[str, Any]:
    """The values by name: texts, numbers, lists and dicts of them."""
    told = alertmanager_json(notification)
    alerts = []
    for alert, one in zip(notification.alerts, told["alerts"], strict=True):
        end_ms = notification.at_ms if alert.ends_at_ms is None else alert.ends_at_ms
        seconds = max(end_ms - alert.starts_at_ms, 0) / 1000
        alerts.append({**one, "evidence": dict(alert.evidence), "seconds": seconds})
    own = {
        "alerts": alerts,
        "firing": [one for one in alerts if one["status"] == "firing"],
        "resolved": [one for one in alerts if one["status"] == "resolved"],
        "reason": told["notification_reason"],
        "note": notification.note,
        "incident": _incident(notification.incident),
    }
    return {name: own.get(name, told.get(name)) for name in NAMES}


def _incident(brief: IncidentBrief | None) -> dict[str, Any] | None:
    """All but the link that acknowledges: who reads the text may not be who is asked."""
    if brief is None:
        return None
    return {**asdict(brief), "story": list(brief.story), "acknowledge_url": ""}
