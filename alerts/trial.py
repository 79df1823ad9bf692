"""Trials: a message marked [TEST] to one receiver, a fire drill through the routes.

A test goes straight to the receiver's integrations, so that their answers can be shown; what it
opened (such as a PagerDuty incident) is resolved at once. A drill is a real alert that says so: it
is routed, grouped, told, escalated and acknowledged as any other, and ends by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from alerts.events import Event, EventKind
from alerts.example import notification_of, resolved
from alerts.notification import Notification
from alerts.receivers import Integration
from collector.model.alert import Alert
from collector.model.errors import InputError, TocsinError
from collector.model.labels import Labels

TEST_MARK = "[TEST]"
DRILL_MARK = "[DRILL]"
DRILL_LABEL = "tocsin_drill"
MAX_DRILL_MS = 24 * 3_600_000
"""A drill that nobody ends is over by the next day."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What one integration answered; `error` is "" when it took the message."""

    integration: str
    error: str = ""


def run_test(
    integrations: Sequence[Integration], actor: str, now_ms: int, external_url: str
) -> list[Tested]:
    """Send a test to each integration of one receiver, and its end to those that are told of ends.

    Blocks until each has answered or its deadline has passed.
    """
    return [_tested(one, actor, now_ms, external_url) for one in integrations]


def test_event(receiver: str, tested: Sequence[Tested], actor: str, now_ms: int) -> Event:
    """A test as the story tells it."""
    answers = ", ".join(f"{one.integration}: {one.error or 'sent'}" for one in tested)
    text = f"{actor} tested {receiver}: {answers or 'it has no integrations'}"
    return Event(now_ms, EventKind.TESTED, actor=actor, text=text, data={"receiver": receiver})


def _tested(integration: Integration, actor: str, now_ms: int, external_url: str) -> Tested:
    alert = Alert(
        Labels({"alertname": f"{TEST_MARK} tocsin", "severity": "info", "tocsin_test": "true"}),
        {
            "summary": f"{TEST_MARK} {actor} tests the receiver {integration.receiver}",
            "description": "Nothing is wrong, and nobody needs to do anything.",
        },
        now_ms,
    )
    begins = _message(integration, alert, now_ms, external_url)
    try:
        receipt = integration.channel.send(begins)
        if integration.send_resolved:
            (over,) = resolved([alert], now_ms)
            ends = _message(integration, over, now_ms, external_url)
            integration.channel.send(replace(ends, remembered=receipt.remembered))
    except TocsinError as error:
        return Tested(integration.key, str(error))
    return Tested(integration.key)


def _message(
    integration: Integration, alert: Alert, now_ms: int, external_url: str
) -> Notification:
    key = f"{TEST_MARK}/{integration.key}/{now_ms}"
    made = notification_of([alert], integration.receiver, now_ms, external_url)
    return replace(made, id=f"{key}/{made.status}", group_key=key)


def drill_alert(
    labels: Labels, actor: str, duration_ms: int, now_ms: int, summary: str = ""
) -> Alert:
    """The alert of a drill; raises InputError for labels or a length that make no sense."""
    if not labels:
        raise InputError("a drill needs labels", advice="give those of the alert that is rehearsed")
    if not 0 < duration_ms <= MAX_DRILL_MS:
        raise InputError("a drill lasts at most a day", advice="give a shorter time")
    named = labels if "alertname" in labels else labels.with_labels(alertname="Drill")
    return Alert(
        named.with_labels(**{DRILL_LABEL: "true"}),
        {
            "summary": f"{DRILL_MARK} {summary or 'a fire drill'}",
            "description": f"{actor} rehearses: act as if it were real. It ends by itself.",
        },
        now_ms,
        now_ms + duration_ms,
    )
