"""Slack over the wire, to a stand-in that checks every field: message, thread, picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.build import build_slack
from alerts.channels.interface import DeliveryError
from alerts.channels.slack_message import Extras, payload
from alerts.channels.slack_thread import new_lines
from alerts.config import AlertmanagerGlobal
from alerts.notification import IncidentBrief, Notification, Reason
from alerts.receivers_config import SlackConfig
from alerts.sparkline import EVIDENCE
from alerts.template import default_book
from collector.model import Alert, Labels, SystemClock

AT_MS = 1_700_000_090_000
BRIEF = IncidentBrief(
    12, "triggered", "critical", "", "https://tocsin.example.org/incidents/12", ("10:00 it fires",)
)


@pytest.fixture
def bot(receivers: dict[str, Any]) -> Any:
    made = build_slack(
        SlackConfig.model_validate(receivers["slack_bot"]),
        AlertmanagerGlobal.model_validate({"slack_signing_secret": "s3cr3t"}),
        SystemClock(),
        default_book(),
    )
    yield made
    made.close()


def told(alert: Alert, reason: Reason = Reason.FIRST, **fields: Any) -> Notification:
    fields = {"incident": BRIEF, **fields}
    return Notification(
        "0" * 32, "team", '{}:{alertname="BudgetBurn"}', Labels({"alertname": "BudgetBurn"}),
        (alert,), reason, AT_MS, "http://127.0.0.1:9900", **fields,
    )  # fmt: skip


def acknowledged(*story: str, status: str = "acknowledged") -> IncidentBrief:
    return replace(BRIEF, status=status, owner="slack:U0ANA00001", story=(*BRIEF.story, *story))


def drawn(alert: Alert) -> Alert:
    points = [1.0, 2.0, 14.4]
    return replace(alert, evidence={**alert.evidence, EVIDENCE: points})


def paths(pager: Any) -> list[str]:
    assert [entry.problems for entry in pager.of("slack") if entry.problems] == []
    return [entry.path for entry in pager.of("slack")]


def buttons(body: dict[str, Any]) -> list[str]:
    rows = [b for a in body["attachments"] for b in a["blocks"] if b["type"] == "actions"]
    return [element["text"]["text"] for row in rows for element in row["elements"]]


def test_the_buttons_are_acknowledge_silence_runbook_and_open(
    pager: Any, bot: Any, slo_alert: Alert
) -> None:
    bot.send(told(slo_alert))
    (entry,) = pager.of("slack")
    assert buttons(entry.body)[:4] == ["Acknowledge", "Silence 1 h", "Runbook", "Incident"]
    assert entry.body["text"].startswith("🔴 checkout-availability burning 14.4x")


def test_without_anyone_who_hears_there_is_nothing_to_press(slo_alert: Alert) -> None:
    body = payload(told(slo_alert), SlackConfig(channel="#a"), extras=Extras(buttons=False))
    assert "Acknowledge" not in buttons(body)


def test_an_acknowledgement_changes_the_message_and_says_so_once_in_the_thread(
    pager: Any, bot: Any, slo_alert: Alert
) -> None:
    first = bot.send(told(slo_alert))
    change = told(
        slo_alert,
        Reason.CHANGED,
        incident=acknowledged("10:02 slack:U0ANA00001 acknowledged it"),
        remembered=first.remembered,
    )
    second = bot.send(change)
    again = bot.send(replace(change, remembered=second.remembered))
    assert paths(pager) == [
        "chat.postMessage", "chat.update", "chat.postMessage", "chat.update",
    ]  # fmt: skip
    _, updated, reply, _ = pager.of("slack")
    assert updated.body["attachments"][0]["color"] == "#8b5cf6"
    assert "Acknowledge" not in buttons(updated.body)
    assert "<@U0ANA00001>" in str(updated.body)
    assert reply.body["thread_ts"] == first.remembered["ts"]
    assert reply.body["text"] == "10:02 <@U0ANA00001> acknowledged it"
    assert "reply_broadcast" not in reply.body
    assert again.remembered["ts"] == first.remembered["ts"]


@pytest.mark.parametrize(
    ("line", "loud"),
    [
        ("10:05 escalated to the lead", True),
        ("10:05 it fires again", True),
        ("10:05 ana: hm", False),
    ],
)
def test_only_what_is_for_everyone_shows_in_the_channel(
    pager: Any, bot: Any, slo_alert: Alert, line: str, loud: bool
) -> None:
    first = bot.send(told(slo_alert))
    incident = acknowledged(line, status="triggered")
    bot.send(told(slo_alert, Reason.CHANGED, incident=incident, remembered=first.remembered))
    assert pager.of("slack")[-1].body.get("reply_broadcast", False) is loud
    assert paths(pager)[-1] == "chat.postMessage"


def test_a_change_of_a_message_that_is_not_there_posts_nothing(
    pager: Any, bot: Any, slo_alert: Alert
) -> None:
    assert bot.send(told(slo_alert, Reason.CHANGED)).remembered == {}
    assert paths(pager) == []


def test_the_picture_follows_the_words_and_waits_until_slack_shows_it(
    pager: Any, bot: Any, slo_alert: Alert
) -> None:
    pager.state.slack.slow_shows = 1
    receipt = bot.send(told(drawn(slo_alert)))
    assert paths(pager) == [
        "chat.postMessage", "files.getUploadURLExternal", "upload", "files.completeUploadExternal",
        "chat.update", "chat.update",
    ]  # fmt: skip
    shown = pager.of("slack")[-1].body["attachments"][0]["blocks"]
    (image,) = [block for block in shown if block["type"] == "image"]
    assert image["slack_file"] == {"id": receipt.remembered["picture"]}
    assert image["alt_text"] == "burn rate: now 14.4x, highest 14.4x"


def test_the_picture_stays_when_only_the_incident_changes(
    pager: Any, bot: Any, slo_alert: Alert
) -> None:
    receipt = bot.send(told(drawn(slo_alert)))
    before = len(pager.of("slack"))
    change = told(drawn(slo_alert), Reason.CHANGED, remembered=receipt.remembered)
    bot.send(replace(change, incident=acknowledged("10:02 ana acknowledged it")))
    assert paths(pager)[before:] == ["chat.update", "chat.postMessage"]
    assert receipt.remembered["picture"] in str(pager.of("slack")[before].body)


def test_a_picture_that_fails_fails_no_message(pager: Any, bot: Any, slo_alert: Alert) -> None:
    send = bot._api.upload

    def refused(*_: object) -> str:
        raise DeliveryError("no room")

    bot._api.upload = refused
    receipt = bot.send(told(drawn(slo_alert)))
    bot._api.upload = send
    assert receipt.remembered["ts"]
    assert "picture" not in receipt.remembered


lines = st.lists(st.sampled_from("abc"), max_size=12)


@given(lines, lines, st.integers(1, 6))
def test_every_line_of_a_story_is_told_once_however_it_is_cut(
    before: list[str], after: list[str], kept: int
) -> None:
    """Told up to `before`; the story of now holds its last lines only."""
    told_then, story = before[-kept:], [*before, *after][-kept:]
    found = new_lines(told_then, story)
    missing = after[-kept:]
    # an overlap that is longer than the true one can hide a line only where lines are equal
    assert story[len(story) - len(found) :] == found
    assert len(found) <= max(len(missing), kept)
    if len(set(before + after)) == len(before + after):
        assert found == missing
