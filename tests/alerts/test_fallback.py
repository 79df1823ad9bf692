"""While a receiver fails another one is told; what was given up can be seen and sent again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerts import dead_letters
from alerts.config import AlertsConfig
from collector.model import Alert, ManualClock


def send_all(service: Any) -> None:
    for sender in service._senders.values():
        while sender.send_due():
            pass


@pytest.fixture
def service(
    make_service: Any, receivers: dict[str, Any], clock: ManualClock, slo_alert: Alert
) -> Any:
    clock.advance(slo_alert.starts_at_ms + 60_000 - clock.now_ms())
    return make_service({
        "route": {"receiver": "team", "group_by": ["alertname"], "group_wait": "0s",
                  "group_interval": "10m"},
        "receivers": [
            {"name": "team", "slack_configs": [receivers["slack"]], "fallback": "backup",
             "fallback_after": "2m"},
            {"name": "backup", "webhook_configs": [receivers["webhook"]]},
        ],
    })  # fmt: skip


def let_pass(service: Any, clock: ManualClock, seconds: int) -> None:
    for _ in range(seconds // 10):
        clock.advance(10_000)
        service.step()
        send_all(service)


def letters(service: Any) -> list[dead_letters.DeadLetter]:
    with service.database.read() as connection:
        return dead_letters.find(connection)


def test_a_receiver_that_fails_for_a_time_is_stood_in_for_once(
    service: Any, pager: Any, clock: ManualClock, slo_alert: Alert
) -> None:
    pager.fault("slack", status=503, count=1_000)
    service.emit([slo_alert])
    service.step()
    send_all(service)
    let_pass(service, clock, 60)
    assert pager.of("webhook") == []
    let_pass(service, clock, 300)
    (copy,) = pager.of("webhook")
    assert copy.problems == []
    assert copy.body["receiver"] == "backup"
    assert copy.body["status"] == "firing"
    pager.state.faults.clear()
    let_pass(service, clock, 320)
    assert [one.status for one in pager.of("slack")][-1] == 200


def test_who_stood_in_hears_of_the_end_though_the_receiver_works_again(
    service: Any, pager: Any, clock: ManualClock, slo_alert: Alert
) -> None:
    pager.fault("slack", status=503, count=1_000)
    service.emit([slo_alert])
    service.step()
    send_all(service)
    let_pass(service, clock, 300)
    pager.state.faults.clear()
    let_pass(service, clock, 310)
    service.emit([replace(slo_alert, ends_at_ms=clock.now_ms())])
    let_pass(service, clock, 900)
    assert [one.body["status"] for one in pager.of("webhook")] == ["firing", "resolved"]
    assert [one.problems for one in pager.of("webhook")] == [[], []]


def test_what_is_refused_for_good_is_told_to_the_fallback_and_kept(
    service: Any, pager: Any, clock: ManualClock, slo_alert: Alert
) -> None:
    pager.fault("slack", status=404)
    service.emit([slo_alert])
    service.step()
    send_all(service)
    assert len(pager.of("webhook")) == 1
    (letter,) = letters(service)
    assert (letter.integration, letter.failures) == ("team/slack[0]", 1)
    assert "404" in letter.error
    assert "hooksecret" not in str(letter)


def test_a_group_that_asks_again_leaves_one_letter(
    service: Any, pager: Any, clock: ManualClock, slo_alert: Alert
) -> None:
    pager.fault("slack", status=404, count=3)
    service.emit([slo_alert])
    service.step()
    send_all(service)
    for _ in range(8):
        let_pass(service, clock, 150)
        service.emit([slo_alert])
    (letter,) = letters(service)
    assert letter.failures == 3
    for _ in range(4):
        let_pass(service, clock, 150)
        service.emit([slo_alert])
    assert letters(service) == []
    assert pager.of("slack")[-1].status == 200


def test_a_letter_is_sent_again_on_demand(
    service: Any, pager: Any, clock: ManualClock, slo_alert: Alert
) -> None:
    pager.fault("slack", status=404)
    service.emit([slo_alert])
    service.step()
    send_all(service)
    (letter,) = letters(service)
    with service.database.write() as connection:
        rows = dead_letters.resend(connection, [letter.id], clock.now_ms())
    assert [row.id for row in rows] == [letter.id]
    service._senders.put(rows)
    send_all(service)
    assert pager.of("slack")[-1].status == 200
    assert letters(service) == []
    with service.database.write() as connection, pytest.raises(KeyError):
        dead_letters.resend(connection, [letter.id], clock.now_ms())


def test_letters_are_let_go_of(
    service: Any, pager: Any, clock: ManualClock, slo_alert: Alert
) -> None:
    pager.fault("slack", status=404)
    service.emit([slo_alert])
    service.step()
    send_all(service)
    with service.database.write() as connection:
        dead_letters.forget_old(connection, clock.now_ms() + dead_letters.KEPT_MS)
    assert len(letters(service)) == 1
    with service.database.write() as connection:
        dead_letters.forget_old(connection, clock.now_ms() + dead_letters.KEPT_MS + 1)
    assert letters(service) == []


@pytest.mark.parametrize(
    ("fallback", "said"), [("nobody", "undefined receiver"), ("a", "its own fallback")]
)
def test_a_fallback_must_be_another_receiver_that_exists(fallback: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        AlertsConfig.model_validate(
            {"route": {"receiver": "a"}, "receivers": [{"name": "a", "fallback": fallback}]}
        )
