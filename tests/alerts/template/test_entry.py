"""A receiver's own texts in its messages: where they stand, and what happens when one fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from alerts.channels import CHANNELS
from alerts.config import AlertmanagerGlobal
from alerts.digest import digest_of
from alerts.example import example_alerts, notification_of, resolved
from alerts.notification import Notification
from alerts.receivers_config import EmailConfig, PagerdutyConfig, SlackConfig, WebhookConfig
from alerts.template import default_book
from collector.model import ManualClock
from collector.model.errors import InputError, TemplateError
from examples.pager.slack_rules import check_message

NOW_MS = 1_700_000_000_000
MODELS: dict[str, Any] = {
    "slack": SlackConfig,
    "pagerduty": PagerdutyConfig,
    "email": EmailConfig,
    "webhook": WebhookConfig,
}
BASE: dict[str, dict[str, Any]] = {
    "slack": {"api_url": "https://hooks.slack.com/services/hooksecret24characters00"},
    "pagerduty": {"routing_key": "R0UT1NGKEY0123456789ABCDEF012345"},
    "email": {"to": "a@example.org", "from": "t@example.org", "smarthost": "mx.example.org:25"},
    "webhook": {"url": "https://example.org/hooksecret24characters00"},
}
FIRING = notification_of(example_alerts(NOW_MS), "team", NOW_MS, "http://tocsin")
OVER = notification_of(resolved(example_alerts(NOW_MS), NOW_MS), "team", NOW_MS, "http://tocsin")


def channel(kind: str, **own: Any) -> Any:
    entry = MODELS[kind].model_validate(BASE[kind] | own)
    return CHANNELS[kind](entry, AlertmanagerGlobal(), ManualClock(NOW_MS), default_book())


def shown(kind: str, notification: Notification = FIRING, **own: Any) -> Any:
    made = channel(kind, **own).preview(notification)
    assert made.problems == ()
    return json.loads(made.text) if kind != "email" else made.text


def test_an_entry_without_texts_has_our_own_layout() -> None:
    body = shown("slack")
    assert body["blocks"][0]["type"] == "header"
    assert "blocks" in body["attachments"][0]


def test_slack_texts_make_the_attachment_and_what_is_unset_is_ours() -> None:
    body = shown(
        "slack",
        title='{{ template "slack.default.title" . }}',
        color='{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}',
        fields=[{"title": "{{ .Status }}", "value": "{{ len .Alerts }}", "short": True}],
        actions=[{"type": "button", "text": "Open", "url": "{{ .ExternalURL }}"}],
    )
    (attachment,) = body["attachments"]
    assert set(body) == {"attachments"}
    assert attachment["title"] == "[FIRING:2] checkout"
    assert attachment["color"] == "danger"
    assert attachment["fields"] == [{"short": True, "title": "firing", "value": "2"}]
    assert attachment["actions"][0]["url"] == "http://tocsin"
    assert "288 of 10,000 requests failed" in attachment["text"]
    assert check_message(body) == []


def test_slack_settings_alone_keep_our_layout() -> None:
    body = shown(
        "slack",
        channel="#{{ .CommonLabels.service }}",
        username="{{ .Receiver }}",
        color="#123456",
        message_text="{{ .Status | toUpper }}",
    )
    assert (body["channel"], body["username"], body["text"]) == ("#checkout", "team", "FIRING")
    assert body["attachments"][0]["color"] == "#123456"
    assert body["blocks"]


def test_pagerduty_texts_take_the_place_of_ours() -> None:
    by_alias: dict[str, Any] = {"class": "{{ .Status }}"}
    event = shown(
        "pagerduty",
        description="{{ .CommonLabels.service }} is sick",
        severity='{{ if eq .Status "firing" }}warning{{ end }}',
        client_url="{{ .ExternalURL }}/x",
        details={"firing": "{{ .Alerts.Firing | toJson }}", "n": "{{ len .Alerts }}", "s": "a b"},
        links=[{"href": "{{ .ExternalURL }}", "text": "t"}, {"href": "", "text": "left out"}],
        images=[{"src": "{{ .ExternalURL }}/i.png"}],
        **by_alias,
    )
    payload = event["payload"]
    assert (payload["summary"], payload["severity"]) == ("checkout is sick", "warning")
    assert payload["class"] == "firing"
    assert payload["custom_details"]["firing"][0]["labels"]["alertname"] == "BudgetBurn"
    assert (payload["custom_details"]["n"], payload["custom_details"]["s"]) == (2, "a b")
    assert event["links"] == [{"href": "http://tocsin", "text": "t"}]
    assert event["images"] == [{"src": "http://tocsin/i.png"}]
    assert event["client_url"] == "http://tocsin/x"


def test_mail_texts_take_the_place_of_ours_and_html_is_escaped() -> None:
    text = shown(
        "email",
        OVER,
        to="{{ .CommonLabels.service }}@example.org",
        headers={"Subject": "{{ .Status }}\r\nBcc: x", "X-Own": "{{ .Receiver }}", "Date": "no"},
        html="<p>{{ `<b>` }}</p>",
        text="plain {{ `<b>` }}",
    )
    head, plain, html = text.split("\n\n", 2)
    assert "To: checkout@example.org" in head
    assert "Subject: resolved Bcc: x" in head
    assert "X-Own: team" in head
    assert "Date: no" not in head
    assert plain.strip() == "plain <b>"
    assert html.strip() == "<p>&lt;b&gt;</p>"


def test_a_mail_whose_html_is_set_empty_has_only_text() -> None:
    assert "<html" not in shown("email", html="")
    assert "<html" in shown("email")


def test_a_webhook_may_have_a_payload_of_its_own() -> None:
    body = shown("webhook", payload={"{{ .Status }}": ["{{ toJson .GroupLabels }}", 7, "x"]})
    assert body == {"firing": [{"service": "checkout"}, 7, "x"]}


FAILING: dict[str, dict[str, Any]] = {
    "slack": {"title": "{{ .Nothing }}", "text": "kept"},
    "pagerduty": {"description": "{{ .Nothing }}"},
    "email": {"html": "{{ .Nothing }}"},
    "webhook": {"payload": {"a": "{{ .Nothing }}"}},
}


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_a_text_that_fails_leaves_its_place_to_ours_and_the_message_says_so(kind: str) -> None:
    made = channel(kind, **FAILING[kind]).preview(FIRING)
    assert len(made.problems) == 1
    assert "can't evaluate field Nothing" in made.problems[0]
    assert "evaluate field Nothing" in made.text
    assert "checkout" in made.text


ADDRESSES: dict[str, dict[str, Any]] = {
    "slack": {"channel": "{{ .Nothing }}"},
    "pagerduty": {"routing_key": "hooksecret24characters00{{ .Nothing }}"},
    "email": {"to": "{{ .Nothing }}"},
    "webhook": {"url": "https://x/hooksecret24characters00{{ .Nothing }}"},
}


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_an_address_that_fails_is_an_error_without_its_secret(kind: str) -> None:
    made = channel(kind, **ADDRESSES[kind])
    with pytest.raises(TemplateError) as caught:
        made.preview(FIRING)
    assert "hooksecret" not in str(caught.value)


@pytest.mark.parametrize("kind", ["pagerduty", "webhook"])
def test_a_wrong_template_of_a_secret_is_named_without_it(kind: str) -> None:
    key, value = next(iter(ADDRESSES[kind].items()))
    with pytest.raises(InputError) as caught:
        channel(kind, **{key: value + "{{ if }}"})
    assert "hooksecret" not in str(caught.value)
    assert caught.value.where.field == key


def test_of_a_storm_our_own_layout_tells_and_addresses_stay(
    make_notification: Callable[..., Notification],
) -> None:
    storm = digest_of([make_notification(channel="a"), make_notification(channel="a")], NOW_MS)
    body = shown(
        "slack", storm, title="{{ .GroupLabels.alertname }}", channel="#{{ .CommonLabels.channel }}"
    )
    assert body["channel"] == "#a"
    assert body["blocks"][0]["text"]["text"].endswith("Storm: 2 firing, in 1 groups")


@pytest.mark.parametrize("kind", sorted(MODELS))
def test_no_preview_shows_a_secret(kind: str) -> None:
    text = channel(kind).preview(FIRING).text
    assert "hooksecret" not in text
    assert "R0UT1NG" not in text


def test_a_filled_webhook_url_is_where_it_is_posted_and_checked(
    pager: Any, make_notification: Callable[..., Notification]
) -> None:
    made = channel("webhook", url=pager.url + "/{{ .CommonLabels.path }}")
    made.send(make_notification(path="webhook"))
    assert [entry.service for entry in pager.of()] == ["webhook"]
    made.close()


@pytest.fixture
def make_notification() -> Callable[..., Notification]:
    from dataclasses import replace

    def make(**labels: str) -> Notification:
        alerts = [
            replace(one, labels=one.labels.with_labels(**labels)) for one in example_alerts(NOW_MS)
        ]
        return notification_of(alerts, "team", NOW_MS, "http://tocsin")

    return make


def test_what_failed_is_sent_all_the_same_counted_and_kept(
    make_service: Any, receivers: dict[str, dict[str, Any]], pager: Any
) -> None:
    entry = receivers["slack"] | {"text": "{{ .Nothing }}"}
    service = make_service(
        {
            "route": {"receiver": "team", "group_wait": "0s"},
            "receivers": [{"name": "team", "slack_configs": [entry]}],
        }
    )
    service.emit(list(example_alerts(NOW_MS)))
    service.step()
    sender = next(iter(service._senders.values()))
    assert sender.send_due()
    (attempt,) = service.history(10)
    assert attempt.status == "sent"
    assert "can't evaluate field Nothing" in attempt.error
    assert service.metrics.template_failures.labels("team", "slack")._value.get() == 1
    assert len(pager.of()) == 1


def test_slack_takes_a_message_of_the_users_own_texts(
    make_service: Any, receivers: dict[str, dict[str, Any]], pager: Any
) -> None:
    entry = receivers["slack_bot"] | {"text": "{{ .Status }} {{ len .Alerts.Resolved }}"}
    service = make_service(
        {
            "route": {"receiver": "team", "group_wait": "0s"},
            "receivers": [{"name": "team", "slack_configs": [entry]}],
        }
    )
    service.emit(list(example_alerts(NOW_MS)))
    service.step()
    sender = next(iter(service._senders.values()))
    assert sender.send_due()
    assert [attempt.status for attempt in service.history(10)] == ["sent"]
    assert len(pager.of()) == 1
