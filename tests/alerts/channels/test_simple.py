"""Every channel that is one request, over the wire to a stand-in that checks every field."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from alerts.channels import CHANNELS, msteamsv2
from alerts.channels.interface import DeliveryError
from alerts.chat_config import MsTeamsConfig
from alerts.config import AlertmanagerGlobal
from alerts.notification import IncidentBrief, Notification, Reason
from alerts.receivers_config import ReceiverConfig
from alerts.sparkline import EVIDENCE
from alerts.template import default_book
from collector.model import Alert, Labels, SystemClock
from collector.model.errors import InputError

TOKEN = "t0ken-of-thirty-characters-0000"[:30]
SID = "AC" + "0" * 32


def entries(url: str) -> dict[str, dict[str, Any]]:
    return {
        "discord": {"webhook_url": f"{url}/webhooks/1/{TOKEN}"},
        "incidentio": {"url": f"{url}/incidentio", "alert_source_token": TOKEN},
        "mattermost": {"webhook_url": f"{url}/hooks/{TOKEN}", "channel": "ops"},
        "msteamsv2": {"webhook_url": f"{url}/workflows/{TOKEN}"},
        "opsgenie": {"api_url": f"{url}/", "api_key": TOKEN},
        "pushover": {"api_url": f"{url}/1/messages.json", "user_key": TOKEN, "token": TOKEN},
        "rocketchat": {"api_url": url, "channel": "#ops", "token": TOKEN, "token_id": TOKEN},
        "telegram": {"api_url": url, "bot_token": TOKEN, "chat_id": -100},
        "twilio": {
            "api_url": url, "account_sid": SID, "auth_token": TOKEN,
            "from": "+15550100", "to": "+15550101",
        },
        "victorops": {"api_url": f"{url}/victorops", "api_key": TOKEN, "routing_key": "team"},
        "webex": {
            "api_url": f"{url}/v1/messages", "room_id": "r",
            "http_config": {"authorization": {"credentials": TOKEN}},
        },
        "apprise": {"url": f"json://{url.removeprefix('http://')}/webhooks/1/{TOKEN}"},
    }  # fmt: skip


KINDS = sorted(entries("http://x"))
POSTED = [kind for kind in KINDS if kind != "apprise"]


@pytest.fixture
def channel(pager: Any) -> Iterator[Any]:
    """Builds channels that reach the pager."""
    made = []

    def build(kind: str, /, **more: Any) -> Any:
        entry = {**entries(pager.url)[kind], **more}
        receiver = ReceiverConfig.model_validate({"name": "r", f"{kind}_configs": [entry]})
        (config,) = getattr(receiver, f"{kind}_configs")
        made.append(CHANNELS[kind](config, AlertmanagerGlobal(), SystemClock(), default_book()))
        return made[-1]

    yield build
    for one in made:
        one.close()


def told(alert: Alert, reason: Reason = Reason.FIRST, **fields: Any) -> Notification:
    return Notification(
        "0" * 32, "team", "{}:{}", Labels({"alertname": "BudgetBurn"}), (alert,), reason,
        1_700_000_090_000, "http://127.0.0.1:9900", **fields,
    )  # fmt: skip


def ended(alert: Alert) -> Alert:
    return replace(alert, ends_at_ms=1_700_000_060_000)


@pytest.mark.parametrize("kind", POSTED)
def test_firing_and_resolved_are_taken_with_no_field_wrong(
    kind: str, pager: Any, channel: Any, slo_alert: Alert
) -> None:
    sender = channel(kind)
    receipt = sender.send(told(slo_alert))
    sender.send(told(ended(slo_alert), Reason.ALL_RESOLVED, remembered=receipt.remembered))
    assert [(entry.service, entry.problems) for entry in pager.of()] == [(kind, []), (kind, [])]


@pytest.mark.parametrize("kind", POSTED)
@pytest.mark.parametrize("fault", [{"status": 429, "retry_after": 3}, {"status": 500},
                                   {"status": 404}])  # fmt: skip
def test_a_refusal_says_whether_to_try_again_and_shows_no_secret(
    kind: str,
    fault: dict[str, Any],
    pager: Any,
    channel: Any,
    slo_alert: Alert,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "alerts")
    pager.fault(kind, **fault)
    sender = channel(kind)
    with pytest.raises(DeliveryError) as caught:
        sender.send(told(slo_alert))
    in_body = {"telegram": 7.0, "discord": 7.5}
    assert caught.value.permanent == (fault["status"] == 404)
    wish = in_body.get(kind, 3.0) if fault["status"] == 429 else None
    assert caught.value.retry_after_seconds == wish
    for text in (str(caught.value), repr(caught.value), caplog.text, repr(sender.__dict__)):
        assert TOKEN not in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_preview_shows_the_message_and_no_secret(
    kind: str, channel: Any, slo_alert: Alert
) -> None:
    preview = channel(kind).preview(told(slo_alert))
    assert "14.4" in preview.text
    assert TOKEN not in preview.text


@pytest.mark.parametrize("kind", ["discord", "telegram"])
def test_a_change_edits_the_message_that_was_sent(
    kind: str, pager: Any, channel: Any, slo_alert: Alert
) -> None:
    sender = channel(kind)
    assert sender.takes_changes
    receipt = sender.send(told(slo_alert))
    brief = IncidentBrief(12, "acknowledged", "critical", "ana")
    change = told(slo_alert, Reason.CHANGED, incident=brief, remembered=receipt.remembered)
    assert sender.send(change).remembered == receipt.remembered
    assert sender.send(replace(change, remembered={})).remembered == {}
    first, second = pager.of(kind)
    assert "acknowledged by ana" in str(second.body)
    assert second.problems == []
    assert receipt.remembered["message_id"] in (second.path + str(second.body))
    assert first.path != second.path


@pytest.mark.parametrize("kind", ["opsgenie", "victorops"])
def test_an_acknowledgement_goes_on_and_other_changes_do_not(
    kind: str, pager: Any, channel: Any, slo_alert: Alert
) -> None:
    sender = channel(kind)
    receipt = sender.send(told(slo_alert))
    for status in ("snoozed", "acknowledged"):
        brief = IncidentBrief(12, status, "critical", "ana")
        sender.send(told(slo_alert, Reason.CHANGED, incident=brief, remembered=receipt.remembered))
    _, last = pager.of(kind)
    assert "acknowledge" in (last.path + str(last.body)).lower()
    assert last.problems == []


def test_discord_shows_the_burn(pager: Any, channel: Any, slo_alert: Alert) -> None:
    drawn = replace(slo_alert, evidence={**slo_alert.evidence, EVIDENCE: [1, 2, 3]})
    channel("discord").send(told(drawn))
    (entry,) = pager.of("discord")
    assert entry.problems == []
    assert entry.body["embeds"][0]["image"] == {"url": "attachment://burn.png"}


def test_a_call_says_the_alert_twice(pager: Any, channel: Any, slo_alert: Alert) -> None:
    channel("twilio", kind="call").send(told(slo_alert))
    (entry,) = pager.of("twilio")
    assert entry.path.endswith("/Calls.json")
    assert entry.problems == []
    assert 'loop="2">tocsin: critical alert firing. checkout-availability' in entry.body["Twiml"]


def test_apprise_hands_over_to_the_service_of_its_url(
    pager: Any, channel: Any, slo_alert: Alert
) -> None:
    pager.fault("discord", status=500)
    sender = channel("apprise")
    with pytest.raises(DeliveryError, match="did not take") as caught:
        sender.send(told(slo_alert))
    assert not caught.value.permanent
    assert TOKEN not in str(caught.value)
    (entry,) = pager.of("discord")
    assert entry.body["title"] == "🔴 checkout-availability burning 14.4x"
    assert entry.body["type"] == "failure"


def test_an_unknown_apprise_url_is_refused_at_start_without_showing_it(channel: Any) -> None:
    with pytest.raises(InputError, match="does not know") as caught:
        channel("apprise", url=f"nosuchservice://{TOKEN}")
    assert TOKEN not in str(caught.value)


def test_a_token_may_stand_in_global_for_all(slo_alert: Alert) -> None:
    receiver = ReceiverConfig.model_validate(
        {"name": "r", "telegram_configs": [{"chat_id": 1}], "opsgenie_configs": [{}]}
    )
    for kind in ("telegram", "opsgenie"):
        (entry,) = getattr(receiver, f"{kind}_configs")
        with pytest.raises(InputError, match="is set"):
            CHANNELS[kind](entry, AlertmanagerGlobal(), SystemClock(), default_book())
        given = AlertmanagerGlobal.model_validate(
            {"telegram_bot_token": TOKEN, "opsgenie_api_key": TOKEN}
        )
        CHANNELS[kind](entry, given, SystemClock(), default_book()).close()


def test_a_text_in_any_script_is_under_teams_limit_in_bytes(slo_alert: Alert) -> None:
    config = MsTeamsConfig(webhook_url=f"http://x/{TOKEN}", title="🔥" * 400, text="🔥" * 8_000)
    body = msteamsv2.payload(told(slo_alert), config)
    assert 20_000 < len(json.dumps(body, ensure_ascii=False).encode()) <= 28 * 1024
