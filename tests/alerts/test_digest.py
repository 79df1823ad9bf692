"""A storm becomes a handful of messages, and every alert of it is told of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.digest import (
    FIRST_SPACING_MS,
    MAX_SPACING_MS,
    Budget,
    StormGate,
    digest_of,
)
from alerts.message import compose
from alerts.notification import Notification, Reason
from collector.model import Alert, Labels, ManualClock


@given(st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 40)), max_size=60),
       st.integers(1, 6))  # fmt: skip
def test_the_messages_of_a_minute_are_bounded_whatever_comes(
    arrivals: list[tuple[int, int]], most: int
) -> None:
    """Whoever always asks the gate: the budget, and what a storm adds to it."""
    gate, now_ms, sent = StormGate(Budget(most, 60_000)), 0, []
    for pause, groups in arrivals:
        now_ms += pause
        waiting = groups
        while waiting:
            now_ms = max(now_ms, gate.opens_ms(now_ms, waiting))
            digest = gate.is_storm(now_ms, waiting)
            gate.note_sent(now_ms, digest=digest)
            sent.append(now_ms)
            waiting = 0 if digest else waiting - 1
    for at in sent:
        assert sum(at <= one < at + 60_000 for one in sent) <= most + 60_000 // FIRST_SPACING_MS


def test_digests_come_at_growing_distances_while_the_storm_goes_on() -> None:
    gate, now_ms, waits = StormGate(Budget(3, 60_000)), 0, []
    for _ in range(7):
        opens_ms = gate.opens_ms(now_ms, 20)
        waits.append(opens_ms - now_ms)
        now_ms = opens_ms
        assert gate.is_storm(now_ms, 20)
        gate.note_sent(now_ms, digest=True)
    assert waits == [0, 5_000, 10_000, 20_000, 40_000, 60_000, 60_000]
    assert (waits[1], waits[-1]) == (FIRST_SPACING_MS, MAX_SPACING_MS)


def test_after_a_calm_time_a_storm_begins_anew() -> None:
    gate = StormGate(Budget(3, 60_000))
    gate.note_sent(0, digest=True)
    gate.note_sent(5_000, digest=True)
    assert gate.opens_ms(100_000, 1) == 100_000
    gate.note_sent(100_000, digest=True)
    assert gate.opens_ms(100_000, 20) == 105_000


def test_one_message_alone_waits_for_company_and_goes() -> None:
    gate = StormGate(Budget(1, 3_600_000))
    gate.note_sent(0)
    assert gate.opens_ms(10, 1) == 10 + FIRST_SPACING_MS
    assert gate.opens_ms(20, 1) == 10 + FIRST_SPACING_MS
    assert gate.opens_ms(20, 2) == 20


def test_without_a_budget_nothing_is_held() -> None:
    gate = StormGate(None)
    for _ in range(1_000):
        gate.note_sent(0)
    assert gate.opens_ms(0, 1_000) == 0
    assert not gate.is_storm(0, 1_000)


def notification(number: int, at_ms: int, *alerts: Alert) -> Notification:
    return Notification(
        f"{number:032}", "team", f"g{number}", Labels({"g": str(number)}), alerts, Reason.FIRST,
        at_ms, "https://tocsin.example.org",
    )  # fmt: skip


def test_a_digest_has_every_alert_once_with_the_newest_word_on_it() -> None:
    a, b = (Alert(Labels({"alertname": name}), starts_at_ms=1) for name in "ab")
    over = Alert(a.labels, starts_at_ms=1, ends_at_ms=5)
    digest = digest_of([notification(2, 6, over), notification(1, 2, a, b)], 7)
    assert {alert.name: alert.ends_at_ms for alert in digest.alerts} == {"a": 5, "b": None}
    assert digest.reason is Reason.DIGEST
    assert digest.note == "in 2 groups"
    message = compose(digest)
    assert message.title == "Storm: 1 firing, 1 resolved, in 2 groups"
    assert message.links[0].url == "https://tocsin.example.org/alerts"


def test_a_digest_names_counts_services_and_the_worst_first() -> None:
    severities = ["warning"] * 3 + ["page"] * 2 + ["info"]
    told = [
        notification(
            number, number,
            Alert(Labels({"alertname": f"A{number}", "severity": severity, "service": "shop"}),
                  starts_at_ms=1),
        )
        for number, severity in enumerate(severities)
    ]  # fmt: skip
    message = compose(digest_of(told, 9))
    facts = {fact.name: fact.value for fact in message.facts}
    assert facts == {"Critical": "2", "Warning": "3", "Info": "1", "Services": "shop 6"}
    assert "Worst: A3" in message.sentence
    assert len(message.others) == 5


@pytest.mark.parametrize("kind", ["slack_bot", "email"])
def test_a_thousand_alerts_in_a_minute_become_a_handful_of_messages(
    kind: str, make_service: Any, receivers: dict[str, Any], pager: Any, clock: ManualClock
) -> None:
    name = kind.removesuffix("_bot")
    service = make_service({
        "route": {"receiver": "team", "group_by": ["..."], "group_wait": "0s",
                  "group_interval": "1h"},
        "receivers": [{"name": "team", f"{name}_configs": [
            {**receivers[kind], "send_resolved": False}
        ]}],
    })  # fmt: skip
    for second in range(60):
        some = range(second * 20, second * 20 + 20) if second < 50 else range(0)
        service.emit([
            Alert(Labels({"alertname": f"A{n}", "severity": "page" if n == 777 else "warning"}),
                  starts_at_ms=clock.now_ms())
            for n in some
        ])  # fmt: skip
        service.step()
        send_all(service)
        clock.advance(1_000)
    for _ in range(120):
        clock.advance(1_000)
        send_all(service)
    messages = pager.of("smtp" if kind == "email" else "slack")
    assert 2 <= len(messages) <= 8
    assert [one.problems for one in messages if one.problems] == []
    outcomes = [attempt.status for attempt in service.history(2_000)]
    assert outcomes.count("digested") == 1_000
    text = str([one.body for one in messages])
    assert "A777" in text
    assert sum(health.queued for health in service.channel_health()) == 0


def send_all(service: Any) -> None:
    for sender in service._senders.values():
        while sender.send_due():
            pass


def test_pagers_get_each_group_however_many_there_are(
    make_service: Any, receivers: dict[str, Any], pager: Any, clock: ManualClock
) -> None:
    service = make_service({
        "route": {"receiver": "team", "group_by": ["..."], "group_wait": "0s"},
        "receivers": [{"name": "team", "pagerduty_configs": [receivers["pagerduty"]],
                       "webhook_configs": [receivers["webhook"]]}],
    })  # fmt: skip
    service.emit([Alert(Labels({"alertname": f"A{n}"}), starts_at_ms=1) for n in range(30)])
    service.step()
    send_all(service)
    assert len({one.body["dedup_key"] for one in pager.of("pagerduty")}) == 30
    assert len(pager.of("webhook")) == 30


def test_a_digest_that_is_refused_is_tried_again_and_loses_nothing(
    make_service: Any, receivers: dict[str, Any], pager: Any, clock: ManualClock
) -> None:
    service = make_service({
        "route": {"receiver": "team", "group_by": ["..."], "group_wait": "0s"},
        "receivers": [{"name": "team", "budget": {"messages": 1, "per": "1m"},
                       "slack_configs": [receivers["slack"]]}],
    })  # fmt: skip
    service.emit([Alert(Labels({"alertname": f"A{n}"}), starts_at_ms=1) for n in range(5)])
    service.step()
    pager.fault("slack", status=429, retry_after=30)
    send_all(service)
    clock.advance(29_000)
    send_all(service)
    assert [one.status for one in pager.of("slack")] == [429]
    clock.advance(1_000)
    send_all(service)
    last = pager.of("slack")[-1]
    assert "Storm: 5 firing, in 5 groups" in str(last.body)
    outcomes = [attempt.status for attempt in service.history(100)]
    assert sorted(set(outcomes)) == ["digested", "retried"]
    assert (outcomes.count("digested"), outcomes.count("retried")) == (5, 5)
