"""Alerts in, messages out: every stage together, with real receivers and a clock that is moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from alerts.service import AlertService
from collector.model import Alert, Labels, ManualClock, SystemClock
from collector.model.errors import ConfigError

SECOND = 1_000
WEBHOOK = {"url": "http://127.0.0.1:1/never"}


def config(entries: dict[str, list[dict[str, Any]]], **route: Any) -> dict[str, Any]:
    timers = {"group_wait": "1s", "group_interval": "10s", "repeat_interval": "1h"}
    return {
        "route": {"receiver": "team", "group_by": ["alertname"], **timers, **route},
        "receivers": [{"name": "team", **entries}],
    }


def alert(name: str = "Down", ends_at_ms: int | None = None, **labels: str) -> Alert:
    return Alert(Labels({"alertname": name, **labels}), {"summary": f"{name}!"}, 0, ends_at_ms)


def run(service: AlertService, clock: ManualClock, seconds: float = 0) -> None:
    """Move time, decide, and send what is due."""
    clock.advance(int(seconds * SECOND))
    service.step()
    for sender in service._senders.values():
        while sender.send_due():
            pass


def statuses(pager: Any, service: str = "webhook") -> list[str]:
    return [entry.body["status"] for entry in pager.of(service)]


@pytest.fixture
def hook(pager: Any, receivers: dict[str, Any]) -> dict[str, Any]:
    return config({"webhook_configs": [receivers["webhook"]]})


def test_a_group_is_told_after_group_wait_and_not_before(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    service = make_service(hook)
    service.emit([alert()])
    run(service, clock, 0.9)
    assert not pager.of()
    run(service, clock, 0.1)
    assert statuses(pager) == ["firing"]


def test_nothing_new_is_told_once_until_the_repeat_interval(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    service = make_service(hook)
    for _ in range(360):
        service.emit([alert()])
        run(service, clock, 10)
    assert len(pager.of()) == 1
    for _ in range(3):
        service.emit([alert()])
        run(service, clock, 10)
    assert [entry.body["notification_reason"] for entry in pager.of()] == [
        "first notification",
        "repeat interval elapsed",
    ]


def test_alerts_of_a_group_come_in_one_message_and_later_ones_after_the_interval(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    service = make_service(hook)
    service.emit([alert(instance="a"), alert(instance="b"), alert("Slow")])
    run(service, clock, 1)
    assert sorted(len(entry.body["alerts"]) for entry in pager.of()) == [1, 2]
    service.emit([alert(instance="c")])
    run(service, clock, 5)
    assert len(pager.of()) == 2
    run(service, clock, 5)
    assert len(pager.of()[2].body["alerts"]) == 3


def test_a_resolve_is_told(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    service = make_service(hook)
    service.emit([alert()])
    run(service, clock, 1)
    service.emit([alert(ends_at_ms=clock.now_ms())])
    run(service, clock, 10)
    assert statuses(pager) == ["firing", "resolved"]
    run(service, clock, 10)
    assert len(pager.of()) == 2
    assert service.alerts() == []


def test_what_fires_and_ends_within_group_wait_is_not_told(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    service = make_service(hook)
    service.emit([alert()])
    service.emit([alert(ends_at_ms=clock.now_ms())])
    run(service, clock, 1)
    assert not pager.of()


def test_a_silent_judge_ends_its_alert_by_time_out(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    service = make_service(hook, global_={"resolve_timeout": "1m"})
    service.emit([alert()])
    run(service, clock, 1)
    run(service, clock, 58)
    assert statuses(pager) == ["firing"]
    run(service, clock, 12)
    assert statuses(pager) == ["firing", "resolved"]


def test_a_restart_repeats_nothing(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    first = make_service(hook)
    first.emit([alert()])
    run(first, clock, 1)
    second = make_service(hook)
    for _ in range(5):
        run(second, clock, 10)
        second.emit([alert()])
    assert statuses(pager) == ["firing"]


def test_a_resolve_after_a_restart_is_told(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    first = make_service(hook)
    first.emit([alert()])
    run(first, clock, 1)
    second = make_service(hook)
    second.emit([alert(ends_at_ms=clock.now_ms())])
    run(second, clock, 10)
    assert statuses(pager) == ["firing", "resolved"]


def test_an_end_that_was_taken_but_not_told_before_a_restart_is_told(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    first = make_service(hook)
    first.emit([alert()])
    run(first, clock, 1)
    first.emit([alert(ends_at_ms=clock.now_ms())])
    second = make_service(hook)
    run(second, clock, 10)
    assert statuses(pager) == ["firing", "resolved"]


def test_an_alert_whose_judge_is_gone_after_a_restart_ends_by_time_out(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    first = make_service(hook)
    first.emit([alert()])
    run(first, clock, 1)
    second = make_service(hook)
    run(second, clock, 290)
    assert statuses(pager) == ["firing"]
    run(second, clock, 20)
    assert statuses(pager) == ["firing", "resolved"]


def test_a_message_that_was_decided_and_not_sent_is_sent_after_a_restart(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    first = make_service(hook)
    first.emit([alert()])
    clock.advance(SECOND)
    first.step()
    run(make_service(hook), clock)
    assert statuses(pager) == ["firing"]


def test_a_thousand_alerts_that_go_on_firing_write_nothing(
    make_service: Any, clock: ManualClock, hook: dict[str, Any]
) -> None:
    service = make_service(hook, global_={"resolve_timeout": "5m"})
    many = [alert(instance=str(i)) for i in range(1000)]
    service.emit(many)
    statements: list[str] = []
    event.listen(
        service._database.engine, "before_cursor_execute", lambda *a: statements.append(a[2])
    )
    clock.advance(15 * SECOND)
    service.emit(many)
    assert not statements
    service.emit([replace(many[0], ends_at_ms=clock.now_ms())])
    assert any("alerts" in statement for statement in statements)


def test_a_silence_holds_back_and_its_end_lets_through(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    from alerts.silence import Silence
    from collector.model import Matcher

    service = make_service(hook)
    matcher = (Matcher("=", "alertname", "Down"),)
    now_ms = clock.now_ms()
    silence_id = service.silences.save(Silence("", matcher, now_ms, now_ms + 60_000, "me", "why"))
    service.emit([alert()])
    run(service, clock, 1)
    assert not pager.of()
    assert service.alerts()[0].silenced_by == (silence_id,)
    service.silences.expire(silence_id)
    run(service, clock, 10)
    assert statuses(pager) == ["firing"]


def test_what_ended_under_a_silence_is_told_at_once_when_it_begins_anew(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    """Alertmanager tells neither: a page that stays open, then one that is lost."""
    from alerts.silence import Silence
    from collector.model import Matcher

    service = make_service(hook)
    service.emit([alert()])
    run(service, clock, 1)
    now_ms = clock.now_ms()
    matcher = (Matcher("=", "alertname", "Down"),)
    service.silences.save(Silence("", matcher, now_ms, now_ms + 30_000, "me", "why"))
    service.emit([alert(ends_at_ms=clock.now_ms())])
    run(service, clock, 10)
    run(service, clock, 30)
    service.emit([alert()])
    run(service, clock, 10)
    assert statuses(pager) == ["firing", "resolved", "firing"]


def test_while_something_goes_on_under_a_silence_no_end_is_told(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    from alerts.silence import Silence
    from collector.model import Matcher

    service = make_service(hook)
    service.emit([alert(host="a"), alert(host="b")])
    run(service, clock, 1)
    now_ms = clock.now_ms()
    matcher = (Matcher("=", "alertname", "Down"),)
    service.silences.save(Silence("", matcher, now_ms, now_ms + 3_600_000, "me", "why"))
    service.emit([alert(host="a", ends_at_ms=clock.now_ms())])
    run(service, clock, 10)
    assert statuses(pager) == ["firing"]
    service.emit([alert(host="b", ends_at_ms=clock.now_ms())])
    run(service, clock, 10)
    assert statuses(pager) == ["firing", "resolved"]
    assert [one["labels"]["host"] for one in pager.of("webhook")[1].body["alerts"]] == ["b"]


def test_an_inhibited_alert_is_held_back(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    rule = {
        "source_matchers": ['alertname="HostDown"'],
        "target_matchers": ['alertname="Slow"'],
        "equal": ["host"],
    }
    service = make_service({**hook, "inhibit_rules": [rule]})
    service.emit([alert("HostDown", host="a"), alert("Slow", host="a"), alert("Slow", host="b")])
    run(service, clock, 1)
    told = [(one["labels"]["alertname"], one["labels"]["host"])
            for entry in pager.of() for one in entry.body["alerts"]]  # fmt: skip
    assert sorted(told) == [("HostDown", "a"), ("Slow", "b")]


def test_a_receiver_that_wants_no_resolves_gets_none_and_hears_of_the_next_fire(
    make_service: Any, clock: ManualClock, pager: Any, receivers: dict[str, Any]
) -> None:
    entry = {**receivers["webhook"], "send_resolved": False}
    service = make_service(config({"webhook_configs": [entry]}))
    service.emit([alert()])
    run(service, clock, 1)
    service.emit([alert(ends_at_ms=clock.now_ms())])
    run(service, clock, 10)
    assert statuses(pager) == ["firing"]
    service.emit([alert()])
    run(service, clock, 10)
    assert statuses(pager) == ["firing", "firing"]


def test_a_429_is_waited_out_as_the_receiver_asks(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    service = make_service(hook)
    pager.fault("webhook", status=429, retry_after=7, count=1)
    service.emit([alert()])
    run(service, clock, 1)
    service.emit([alert("Other")])
    run(service, clock, 6.9)
    assert [entry.fault for entry in pager.of()] == [True]
    assert service.channel_health()[0].healthy is False
    run(service, clock, 0.1)
    assert [entry.fault for entry in pager.of()] == [True, False, False]
    assert service.channel_health()[0].healthy is True


def test_a_500_is_tried_again_with_growing_pauses(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    service = make_service(hook)
    pager.fault("webhook", status=500, count=3)
    service.emit([alert()])
    run(service, clock, 1)
    for seconds in (1, 2, 4):
        run(service, clock, seconds - 0.01)
        before = len(pager.of())
        run(service, clock, 0.01)
        assert len(pager.of()) == before + 1
    assert [entry.status for entry in pager.of()] == [500, 500, 500, 200]
    assert [one.status for one in service.history()] == ["sent", "retried", "retried", "retried"]


def test_a_permanent_refusal_is_asked_again_at_the_next_interval_only(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    service = make_service(hook)
    pager.fault("webhook", status=404, count=1)
    service.emit([alert()])
    run(service, clock, 1)
    run(service, clock, 5)
    assert [entry.status for entry in pager.of()] == [404]
    assert "404" in service.channel_health()[0].last_error
    run(service, clock, 5)
    assert [entry.status for entry in pager.of()] == [404, 200]


def test_a_page_that_could_not_be_sent_is_sent_before_its_resolve(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    service = make_service(hook)
    pager.fault("webhook", status=503, count=5)
    service.emit([alert()])
    run(service, clock, 1)
    service.emit([alert(ends_at_ms=clock.now_ms())])
    for _ in range(60):
        run(service, clock, 1)
    assert [e.body["status"] for e in pager.of() if not e.fault] == ["firing", "resolved"]


def test_newer_news_of_a_group_replaces_what_was_never_taken(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    service = make_service(hook)
    pager.fault("webhook", status=503, retry_after=25, count=1)
    service.emit([alert(instance="a")])
    run(service, clock, 1)
    service.emit([alert(instance="b")])
    run(service, clock, 10)
    run(service, clock, 15)
    taken = [entry.body for entry in pager.of() if not entry.fault]
    assert [len(body["alerts"]) for body in taken] == [2]
    assert taken[0]["notification_reason"] == "first notification"
    assert "superseded" in [one.status for one in service.history()]


def test_a_hanging_channel_does_not_hold_up_another(
    make_service: Any, pager: Any, receivers: dict[str, Any], eventually: Any
) -> None:
    entries = {
        "webhook_configs": [receivers["webhook"]],
        "pagerduty_configs": [{**receivers["pagerduty"], "timeout": "3s"}],
    }
    service = make_service(config(entries, group_wait="0s"), clock=SystemClock())
    pager.fault("pagerduty", delay_seconds=60, count=1)
    service.start()
    service.emit([alert()])
    eventually(lambda: statuses(pager) == ["firing"], 2, "the webhook's message")
    assert not pager.of("pagerduty")


def test_a_reload_keeps_what_was_told_and_a_wrong_one_keeps_the_old_configuration(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    from alerts.config import AlertsConfig

    service = make_service(hook)
    service.emit([alert()])
    run(service, clock, 1)
    service.reload(AlertsConfig.model_validate(hook))
    run(service, clock, 30)
    assert statuses(pager) == ["firing"]
    wrong = config({"slack_configs": [{"channel": "#x"}]})
    with pytest.raises(ConfigError, match=r"receivers\[0\]\.slack_configs\[0\]: no Slack API URL"):
        service.reload(AlertsConfig.model_validate(wrong))
    assert service.channel_health()[0].channel == "webhook"


def test_a_mute_time_interval_keeps_a_route_quiet(
    make_service: Any, clock: ManualClock, pager: Any, hook: dict[str, Any]
) -> None:
    always = {"name": "always", "time_intervals": [{"years": ["2000:2100"]}]}
    quiet = {"matchers": ['alertname="Quiet"'], "mute_time_intervals": ["always"]}
    route = {**hook["route"], "routes": [quiet]}
    service = make_service({**hook, "route": route, "time_intervals": [always]})
    service.emit([alert("Quiet"), alert("Loud")])
    run(service, clock, 1)
    assert [e.body["groupLabels"]["alertname"] for e in pager.of()] == ["Loud"]
