"""PagerDuty's change events: what was put out when, beside the incidents; they call nobody.

Source: https://developer.pagerduty.com/docs/send-change-event
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from alerts.channels.words import cut
from collector.model.secrets import Secret

MAX_SUMMARY = 1_024
TRIGGER_PATH, CHANGE_PATH = "/v2/enqueue", "/v2/change/enqueue"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was changed on purpose, such as a deploy."""

    summary: str
    at_ms: int
    source: str = "tocsin"
    url: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


def change_payload(change: Change, routing_key: Secret) -> dict[str, Any]:
    """The event; it has links and no pictures."""
    body: dict[str, Any] = {
        "summary": cut(change.summary, MAX_SUMMARY),
        "timestamp": datetime.fromtimestamp(change.at_ms / 1000, UTC).isoformat(),
        "source": change.source,
        "custom_details": dict(change.details),
    }
    event: dict[str, Any] = {"routing_key": routing_key.reveal(), "payload": body}
    if change.url.startswith(("http://", "https://")):
        event["links"] = [{"href": change.url, "text": "What changed"}]
    return event


def change_url(events_url: str) -> Secret:
    """Where change events go, beside where the others go."""
    return Secret(events_url.removesuffix(TRIGGER_PATH) + CHANGE_PATH)
