"""Each channel over the wire to a receiver that checks every field; what leaks when it fails."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import pytest

from alerts.channels import CHANNELS
from alerts.channels.interface import DeliveryError
from alerts.config import AlertmanagerGlobal
from alerts.notification import Notification, Reason
from alerts.receivers_config import EmailConfig, PagerdutyConfig, SlackConfig, WebhookConfig
from alerts.template import default_book
from collector.model import Alert, Labels, SystemClock

MODELS: dict[str, Any] = {
    "slack": SlackConfig,
    "slack_bot": SlackConfig,
    "pagerduty": PagerdutyConfig,
    "webhook": WebhookConfig,
    "email": EmailConfig,
}
SECRETS = ("hooksecret24characters00", "R0UT1NGKEY", "xoxb-bot-token")


def channel(kind: str, entry: dict[str, Any]) -> Any:
    config = MODELS[kind].model_validate(entry)
    return CHANNELS[kind.removesuffix("_bot")](
        config, AlertmanagerGlobal(), SystemClock(), default_book()
    )


def notification(alert: Alert, reason: Reason = Reason.FIRST, **fields: Any) -> Notification:
    return Notification(
        "0" * 32, "team", '{}:{alertname="BudgetBurn"}', Labels({"alertname": "BudgetBurn"}),
        (alert,), reason, 1_700_000_090_000, "http://127.0.0.1:9900", **fields,
    )  # fmt: skip


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_firing_and_resolved_are_taken_with_no_field_wrong(
    kind: str, pager: Any, receivers: dict[str, Any], slo_alert: Alert
) -> None:
    sender = channel(kind, receivers[kind])
    receipt = sender.send(notification(slo_alert))
    ended = replace(slo_alert, ends_at_ms=1_700_000_060_000)
    sender.send(notification(ended, Reason.ALL_RESOLVED, remembered=receipt.remembered))
    sender.close()
    assert [entry.problems for entry in pager.of()] in ([[], []], [[], [], []])


def test_slack_has_one_message_that_turns_green_and_one_line_in_its_thread(
    pager: Any, receivers: dict[str, Any], slo_alert: Alert
) -> None:
    sender = channel("slack_bot", receivers["slack_bot"])
    receipt = sender.send(notification(slo_alert))
    ended = replace(slo_alert, ends_at_ms=1_700_000_060_000)
    sender.send(notification(ended, Reason.ALL_RESOLVED, remembered=receipt.remembered))
    sender.close()
    posted, updated, threaded = pager.of("slack")
    assert (posted.path, updated.path, threaded.path) == (
        "chat.postMessage", "chat.update", "chat.postMessage",
    )  # fmt: skip
    assert updated.body["ts"] == posted.answer["ts"] == threaded.body["thread_ts"]
    assert updated.body["attachments"][0]["color"] == "#2e9e5b"
    assert "Resolved after 1m" in threaded.body["text"]


def test_slack_posts_anew_when_its_message_was_deleted(
    pager: Any, receivers: dict[str, Any], slo_alert: Alert
) -> None:
    sender = channel("slack_bot", receivers["slack_bot"])
    remembered = {"ts": "1.000001", "channel": "C0PAGER0001"}
    receipt = sender.send(notification(slo_alert, remembered=remembered))
    sender.close()
    assert receipt.remembered["ts"] != "1.000001"
    assert [entry.path for entry in pager.of("slack")] == ["chat.update", "chat.postMessage"]


def test_mails_of_a_group_form_a_thread_under_one_subject(
    pager: Any, receivers: dict[str, Any], slo_alert: Alert
) -> None:
    sender = channel("email", receivers["email"])
    receipt = sender.send(notification(slo_alert))
    ended = replace(slo_alert, ends_at_ms=1_700_000_060_000)
    later = notification(ended, Reason.ALL_RESOLVED, remembered=receipt.remembered)
    sender.send(replace(later, id="1" * 32))
    first, second = (entry.body["headers"] for entry in pager.of("smtp"))
    assert first["Subject"] == second["Subject"] == "[critical] checkout-availability"
    assert second["References"] == second["In-Reply-To"] == first["Message-ID"]
    assert first["Message-ID"] != second["Message-ID"]
    assert pager.of("smtp")[0].body["recipients"] == ["oncall@example.org"]


@pytest.mark.parametrize("kind", ["slack", "slack_bot", "pagerduty", "webhook"])
@pytest.mark.parametrize("fault", [{"status": 429, "retry_after": 3}, {"status": 500},
                                   {"status": 404}, {"delay_seconds": 1}])  # fmt: skip
def test_a_refusal_says_whether_to_try_again_and_shows_no_secret(
    kind: str,
    fault: dict[str, Any],
    pager: Any,
    receivers: dict[str, Any],
    slo_alert: Alert,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "alerts")
    pager.fault(kind.removesuffix("_bot"), **fault)
    sender = channel(kind, {**receivers[kind], "timeout": "500ms"})
    with pytest.raises(DeliveryError) as caught:
        sender.send(notification(slo_alert))
    sender.close()
    error = caught.value
    assert error.permanent == (fault.get("status") == 404)
    assert error.retry_after_seconds == fault.get("retry_after")
    for secret in SECRETS:
        assert secret not in str(error) + repr(error) + caplog.text
        assert secret not in repr(sender.__dict__)


def test_a_receiver_that_is_not_there_is_named_by_its_host(slo_alert: Alert) -> None:
    sender = channel("slack", {"api_url": f"http://127.0.0.1:1/services/T1/B1/{SECRETS[0]}"})
    with pytest.raises(DeliveryError, match=r"^127\.0\.0\.1 can't be reached") as caught:
        sender.send(notification(slo_alert))
    assert not caught.value.permanent
    assert SECRETS[0] not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_rotated_secret_in_a_file_needs_no_reload(
    tmp_path: Any, pager: Any, receivers: dict[str, Any], slo_alert: Alert
) -> None:
    file = tmp_path / "key"
    file.write_text("too short\n")
    entry = {"routing_key_file": str(file), "url": receivers["pagerduty"]["url"]}
    sender = channel("pagerduty", entry)
    with pytest.raises(DeliveryError, match="400"):
        sender.send(notification(slo_alert))
    file.write_text(receivers["pagerduty"]["routing_key"] + "\n")
    sender.send(notification(slo_alert))
    assert [entry.status for entry in pager.of("pagerduty")] == [400, 202]
