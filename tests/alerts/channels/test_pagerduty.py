"""PagerDuty over the wire: an acknowledgement and a hand's resolve go there once, and no echo."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerts.changes import tell_change
from alerts.channels.build import build_pagerduty
from alerts.channels.pagerduty_change import Change
from alerts.config import AlertmanagerGlobal, AlertsConfig
from alerts.notification import IncidentBrief, Notification, Reason
from alerts.receivers import build_integrations
from alerts.receivers_config import PagerdutyConfig
from alerts.template import default_book
from collector.model import Alert, Labels, SystemClock


@pytest.fixture
def channel(receivers: dict[str, Any]) -> Any:
    made = build_pagerduty(
        PagerdutyConfig.model_validate(receivers["pagerduty"]),
        AlertmanagerGlobal(), SystemClock(), default_book(),
    )  # fmt: skip
    yield made
    made.close()


def told(alert: Alert, status: str, reason: Reason, owner: str = "", **more: Any) -> Notification:
    return Notification(
        "0" * 32, "team", "{}:{}", Labels(), (alert,), reason, 1_700_000_090_000,
        incident=IncidentBrief(12, status, "critical", owner), **more,
    )  # fmt: skip


def sent(pager: Any) -> list[str]:
    entries = pager.of("pagerduty")
    assert [entry.problems for entry in entries if entry.problems] == []
    assert len({entry.body["dedup_key"] for entry in entries}) <= 1
    return [entry.body["event_action"] for entry in entries]


def test_an_incident_there_goes_through_the_states_of_the_one_here(
    pager: Any, channel: Any, slo_alert: Alert
) -> None:
    remembered: dict[str, str] = {}
    for status, reason, owner in (
        ("triggered", Reason.FIRST, ""),
        ("triggered", Reason.CHANGED, "ana"),
        ("acknowledged", Reason.CHANGED, "ana"),
        ("acknowledged", Reason.CHANGED, "ana"),
        ("acknowledged", Reason.NEW_ALERTS, "ana"),
        ("resolved", Reason.CHANGED, "ana"),
        ("resolved", Reason.CHANGED, "ana"),
    ):
        message = told(slo_alert, status, reason, owner, remembered=remembered)
        remembered = dict(channel.send(message).remembered)
    assert sent(pager) == ["trigger", "acknowledge", "trigger", "resolve"]


def test_what_was_acknowledged_there_is_not_acknowledged_there_again(
    pager: Any, channel: Any, slo_alert: Alert
) -> None:
    receipt = channel.send(told(slo_alert, "triggered", Reason.FIRST))
    change = told(slo_alert, "acknowledged", Reason.CHANGED, "pagerduty:Ana")
    channel.send(replace(change, remembered=receipt.remembered))
    assert sent(pager) == ["trigger"]


def test_alerts_that_ended_are_resolved(pager: Any, channel: Any, slo_alert: Alert) -> None:
    ended = replace(slo_alert, ends_at_ms=1_700_000_060_000)
    channel.send(told(ended, "acknowledged", Reason.ALL_RESOLVED))
    assert sent(pager) == ["resolve"]


def test_a_change_is_told_to_those_who_asked_and_calls_nobody(
    pager: Any, receivers: dict[str, Any]
) -> None:
    config = AlertsConfig.model_validate({"receivers": [
        {"name": "a", "pagerduty_configs": [{**receivers["pagerduty"], "change_events": True}]},
        {"name": "b", "pagerduty_configs": [receivers["pagerduty"]]},
    ]})  # fmt: skip
    built = build_integrations(config, AlertmanagerGlobal(), SystemClock())
    change = Change("shop v42: faster carts", 1_700_000_000_000, url="https://ci.example.org/42")
    assert tell_change(built, change) == 1
    for one in built:
        one.channel.close()
    (entry,) = pager.of("pagerduty")
    assert (entry.path, entry.problems) == ("/v2/change/enqueue", [])
    assert entry.body["payload"]["summary"] == "shop v42: faster carts"
    assert entry.body["links"][0]["href"] == "https://ci.example.org/42"
