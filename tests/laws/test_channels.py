"""Every channel: obeys the receiver's limits, escapes, leaks no secret, says the same each time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.channels import (
    CHANNELS,
    apprise,
    discord,
    email,
    incidentio,
    mattermost,
    msteamsv2,
    opsgenie,
    pagerduty,
    pushover,
    rocketchat,
    slack_message,
    telegram,
    twilio,
    victorops,
    webex,
    webhook,
)
from alerts.chat_config import (
    DiscordConfig,
    MattermostConfig,
    MsTeamsConfig,
    RocketChatConfig,
    TelegramConfig,
    WebexConfig,
)
from alerts.http_config import TlsConfig
from alerts.notification import Notification, Reason, decode, encode
from alerts.pager_config import (
    AppriseConfig,
    IncidentioConfig,
    OpsgenieConfig,
    PushoverConfig,
    TwilioConfig,
    VictoropsConfig,
)
from alerts.receivers_config import PagerdutyConfig, SlackConfig, WebhookConfig
from alerts.secret_source import SecretSource
from collector.model import Alert, Labels, Secret
from examples.pager import chat_rules, incident_rules
from examples.pager.pagerduty_rules import check_event
from examples.pager.slack_rules import check_message
from examples.pager.webhook_rules import check_body

GOLDEN = Path(__file__).parents[1] / "golden" / "payloads"
NOW_MS = 1_700_000_000_000
KEY = "R0UT1NGKEY0123456789ABCDEF012345"
HOOK = "https://hooks.slack.com/services/T1/B1/hooksecret24characters00"
PASSWORD = "smtp-password"
SETTINGS = email.EmailSettings(
    "oncall@example.org", "tocsin@example.org", "mx.example.org", 587, "localhost", "user",
    SecretSource(Secret(PASSWORD)), True, False, TlsConfig(), {},
)  # fmt: skip


def slack_payload(notification: Notification) -> Any:
    return slack_message.payload(notification, SlackConfig(api_url=HOOK, channel="#alerts"))


def pagerduty_payload(notification: Notification) -> Any:
    return pagerduty.payload(notification, PagerdutyConfig(routing_key=KEY), Secret(KEY))


def webhook_payload(notification: Notification) -> Any:
    return webhook.payload(notification, WebhookConfig(url=HOOK))


def email_payload(notification: Notification) -> Any:
    mail = email.build(notification, SETTINGS)
    parts = {part.get_content_type(): part.get_content() for part in mail.iter_parts()}
    return {"headers": {key: str(value) for key, value in mail.items()}, "parts": parts}


def email_problems(payload: Any) -> list[str]:
    headers = payload["headers"]
    problems = [f"{key} breaks" for key, value in headers.items() if "\n" in value]
    if "<script" in payload["parts"]["text/html"]:
        problems.append("HTML is not escaped")
    return problems


TOKEN = "t0ken-of-30-characters-exactly"
SIMPLE: dict[str, tuple[Any, Any]] = {
    "discord": (discord, DiscordConfig(webhook_url=HOOK)),
    "incidentio": (incidentio, IncidentioConfig(url="https://x.example", alert_source_token=TOKEN)),
    "mattermost": (mattermost, MattermostConfig(webhook_url=HOOK)),
    "msteamsv2": (msteamsv2, MsTeamsConfig(webhook_url=HOOK)),
    "opsgenie": (opsgenie, OpsgenieConfig(api_key=TOKEN)),
    "pushover": (pushover, PushoverConfig(user_key=TOKEN, token=TOKEN)),
    "rocketchat": (rocketchat, RocketChatConfig(channel="#a", token=TOKEN, token_id=TOKEN)),
    "telegram": (telegram, TelegramConfig(bot_token=TOKEN, chat_id=-100)),
    "twilio": (
        twilio,
        TwilioConfig.model_validate(
            {"account_sid": "AC" + "0" * 32, "auth_token": TOKEN, "from": "+15550100",
             "to": "+15550101"}
        ),
    ),
    "victorops": (victorops, VictoropsConfig(api_key=TOKEN, routing_key="team")),
    "webex": (
        webex,
        WebexConfig.model_validate(
            {"room_id": "r", "http_config": {"authorization": {"credentials": TOKEN}}}
        ),
    ),
    "apprise": (apprise, AppriseConfig(url=f"json://x/{TOKEN}")),
}  # fmt: skip
"""Channels whose payload is made of an entry and nothing else."""


def simple_payload(kind: str) -> Callable[[Notification], Any]:
    module, entry = SIMPLE[kind]
    return lambda notification: module.payload(notification, entry)


def apprise_problems(payload: Any) -> list[str]:
    sizes = {"title": 250, "body": 4_000}
    return [key for key, most in sizes.items() if not 0 < len(payload[key]) <= most]


PAYLOADS: dict[str, Callable[[Notification], Any]] = {
    **{kind: simple_payload(kind) for kind in SIMPLE},
    "slack": slack_payload,
    "pagerduty": pagerduty_payload,
    "webhook": webhook_payload,
    "email": email_payload,
}
PROBLEMS: dict[str, Callable[[Any], list[str]]] = {
    "slack": check_message,
    "pagerduty": lambda event: check_event(event, len(json.dumps(event).encode())),
    "webhook": check_body,
    "email": email_problems,
    "discord": chat_rules.check_discord,
    "incidentio": check_body,
    "mattermost": chat_rules.check_mattermost,
    "msteamsv2": chat_rules.check_teams,
    "opsgenie": incident_rules.check_opsgenie,
    "pushover": incident_rules.check_pushover,
    "rocketchat": chat_rules.check_rocketchat,
    "telegram": chat_rules.check_telegram,
    "twilio": incident_rules.check_twilio,
    "victorops": incident_rules.check_victorops,
    "webex": chat_rules.check_webex,
    "apprise": apprise_problems,
}
SHORT = {"pushover", "twilio"}
"""Too short for both links."""
each_channel = pytest.mark.parametrize("kind", sorted(CHANNELS))


def notification(*alerts: Alert, reason: Reason = Reason.FIRST) -> Notification:
    return Notification(
        "0123456789abcdef0123456789abcdef", "team-shop", '{}:{alertname="BudgetBurn"}',
        Labels({"alertname": "BudgetBurn"}), alerts, reason, NOW_MS + 90_000,
        "http://127.0.0.1:9900",
    )  # fmt: skip


SLO = Alert(
    Labels({"alertname": "BudgetBurn", "severity": "page", "service": "checkout"}),
    {"description": "Payments answer 503 since the deploy."},
    NOW_MS,
    evidence={
        "slo": "checkout-availability", "objective": 0.999, "sli": 0.9712, "burn_rate": 14.4,
        "burn_rates": {"1h": 14.4, "5m": 28.8}, "budget_left_ratio": 0.42,
        "exhausted_in_seconds": 6720, "good": 9712, "bad": 288, "total": 10000, "window": "28d",
        "dashboard_url": "http://127.0.0.1:9900/slos/checkout-availability",
        "runbook_url": "https://runbooks.example.org/checkout",
    },
)  # fmt: skip
PLAIN = Alert(
    Labels({"alertname": "DiskFull", "severity": "warning", "instance": "db1:9100", "mount": "/"}),
    {"summary": "Disk / of db1 is 97 % full", "runbook_url": "https://runbooks.example.org/disk"},
    NOW_MS,
    generator_url="http://127.0.0.1:9900/query?q=node_filesystem_free_bytes",
)
BARE = Alert(Labels({"job": "x"}), {}, NOW_MS)
CASES = {
    "slo_firing": notification(SLO),
    "slo_resolved": notification(replace(SLO, ends_at_ms=NOW_MS + 60_000),
                                 reason=Reason.ALL_RESOLVED),
    "plain_firing": notification(PLAIN),
    "group_of_three": notification(
        SLO, PLAIN, replace(BARE, ends_at_ms=NOW_MS + 1000), reason=Reason.NEW_ALERTS
    ),
    "bare": notification(BARE),
}  # fmt: skip


def test_the_laws_cover_every_channel() -> None:
    assert set(PAYLOADS) == set(PROBLEMS) == set(CHANNELS)


@each_channel
@pytest.mark.parametrize("case", sorted(CASES))
def test_payload_is_the_golden_one_and_obeys_the_published_rules(kind: str, case: str) -> None:
    payload = PAYLOADS[kind](CASES[case])
    assert PROBLEMS[kind](payload) == []
    path = GOLDEN / kind / f"{case}.json"
    text = json.dumps(payload, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get("TOCSIN_WRITE_GOLDEN") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text


@each_channel
def test_an_slo_alert_shows_service_slo_burn_rate_budget_runbook_and_a_link(kind: str) -> None:
    text = json.dumps(PAYLOADS[kind](CASES["slo_firing"]), ensure_ascii=False)
    links = ("https://runbooks.example.org/checkout",
             "http://127.0.0.1:9900/slos/checkout-availability")  # fmt: skip
    words = text.replace("\\\\", "")
    for shown in ("checkout", "checkout-availability", "14.4"):
        assert shown in words
    assert (
        any(link in text for link in links)
        if kind in SHORT
        else all(link in text for link in links)
    )
    assert "42 %" in words or "0.42" in words


nasty = st.text(
    st.characters(blacklist_categories=["Cs"]) | st.sampled_from("<>&\"'*_`\n\r|@!"), max_size=40
) | st.sampled_from(["<!channel>", "<script>alert(1)</script>", "a" * 5000, "&amp;", "\r\nBcc: x"])
labels = st.dictionaries(nasty.filter(bool), nasty, min_size=1, max_size=12).map(Labels)
alerts = st.builds(
    Alert,
    labels=labels.filter(bool),
    annotations=st.dictionaries(st.sampled_from(["summary", "description", "runbook_url"]), nasty),
    starts_at_ms=st.just(NOW_MS),
    ends_at_ms=st.sampled_from([None, NOW_MS + 1]),
    generator_url=nasty,
    evidence=st.dictionaries(
        st.sampled_from(["slo", "service", "burn_rate", "budget_left_ratio", "runbook_url", "bad",
                         "total", "exhausted_in_seconds", "burn_rates", "features"]),
        nasty | st.floats() | st.integers() | st.dictionaries(nasty, st.floats(), max_size=3),
    ),
)  # fmt: skip


@each_channel
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(alerts, min_size=1, max_size=12), st.sampled_from(Reason))
def test_no_alert_makes_a_payload_that_breaks_the_rules(
    kind: str, some: list[Alert], reason: Reason
) -> None:
    payload = PAYLOADS[kind](notification(*some, reason=reason))
    assert PROBLEMS[kind](payload) == []
    json.dumps(payload, allow_nan=False)


@each_channel
def test_a_storm_stays_within_the_limits(kind: str) -> None:
    many = [replace(SLO, labels=SLO.labels.with_labels(pod=f"pod-{i}" * 20)) for i in range(1000)]
    assert PROBLEMS[kind](PAYLOADS[kind](notification(*many))) == []


@each_channel
def test_secrets_show_only_where_the_receiver_wants_them(kind: str) -> None:
    text = json.dumps(PAYLOADS[kind](CASES["slo_firing"]))
    assert "hooksecret" not in text
    assert PASSWORD not in text
    assert TOKEN not in text
    assert (KEY in text) == (kind == "pagerduty")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(alerts, min_size=1, max_size=5))
def test_the_outbox_gives_back_the_notification_that_it_took(some: list[Alert]) -> None:
    taken = notification(*some)
    back = decode(encode(taken), {})
    assert encode(back) == encode(taken)
    assert back.alerts[0].labels == taken.alerts[0].labels


def test_dedup_key_is_the_sha256_of_the_group_key_as_alertmanager_makes_it() -> None:
    event = pagerduty_payload(CASES["slo_firing"])
    assert event["dedup_key"] == (
        "d5fb4963f4b1405b9eccc7eb01a3e36054d77c4f23a79321bcc742520a0493e5"
    )
