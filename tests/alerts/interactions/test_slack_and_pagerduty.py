"""A button in Slack and an act in PagerDuty end at the desk, and the message in Slack shows it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from alerts.channels.pagerduty import dedup_key
from alerts.channels.slack_message import ACKNOWLEDGE, SILENCE
from alerts.config import AlertmanagerGlobal
from alerts.interactions.api import router
from alerts.interactions.desk_door import DeskDoor
from alerts.interactions.open_groups import open_group_keys
from alerts.interactions.slack import read_press
from alerts.interactions.slack_socket import SlackSocket
from alerts.on_call.incident_store import IncidentSearch
from alerts.secret_source import SecretSource
from collector.model import Alert, ManualClock, Secret, SystemClock
from collector.model.errors import InputError
from examples.pager.slack_app import press_payload, sign

SECRETS = {"slack_signing_secret": "s1gning", "pagerduty_webhook_secret": "pd-s3cret"}


@pytest.fixture
def service(
    make_service: Any, receivers: dict[str, Any], slo_alert: Alert, clock: ManualClock
) -> Any:
    """With one incident, told to Slack and PagerDuty."""
    clock.advance(slo_alert.starts_at_ms + 60_000 - clock.now_ms())
    config = {
        "route": {"receiver": "team", "group_by": ["alertname"], "group_wait": "0s"},
        "receivers": [{
            "name": "team",
            "slack_configs": [receivers["slack_bot"]],
            "pagerduty_configs": [receivers["pagerduty"]],
        }],
    }  # fmt: skip
    made = make_service(config, global_=SECRETS)
    made.emit([slo_alert])
    send(made)
    return made


def send(service: Any) -> None:
    """Decide, and let each sender send what it has."""
    service.step()
    for sender in service._senders.values():
        while sender.send_due():
            pass


def status(service: Any) -> str:
    (incident,) = service.on_call.incidents(IncidentSearch())
    found: str = incident.status
    return found


@pytest.fixture
def door(service: Any, clock: ManualClock) -> Iterator[DeskDoor]:
    made = DeskDoor(
        service.on_call.desk, lambda: open_group_keys(service.database), clock, "127.0.0.1"
    )
    yield made
    made.close()


@pytest.fixture
def client(door: DeskDoor) -> TestClient:
    app = FastAPI()
    settings = AlertmanagerGlobal.model_validate(SECRETS)
    app.include_router(router(door, lambda: settings))
    return TestClient(app)


def press(client: TestClient, clock: ManualClock, base: str, **wish: str) -> Any:
    raw = urlencode({"payload": json.dumps(press_payload(f"{base}/", dict(wish)))}).encode()
    headers = sign(raw, SECRETS["slack_signing_secret"], clock.now_ms() // 1000)
    return client.post("/api/tocsin/v1/slack/interactions", content=raw, headers=headers)


def test_acknowledge_in_slack_is_an_acknowledgement_everywhere(
    service: Any, client: TestClient, clock: ManualClock, pager: Any
) -> None:
    assert press(client, clock, pager.url, action_id=ACKNOWLEDGE, value="1").status_code == 200
    assert status(service) == "acknowledged"
    send(service)
    slack = [entry for entry in pager.of("slack") if entry.path == "chat.update"]
    assert "acknowledged by <@U0ANA00001>" in str(slack[-1].body)
    assert pager.of("pagerduty")[-1].body["event_action"] == "acknowledge"
    assert [entry.problems for entry in pager.of() if entry.problems] == []


def test_silence_in_slack_silences_for_an_hour(
    service: Any, client: TestClient, clock: ManualClock, pager: Any
) -> None:
    assert press(client, clock, pager.url, action_id=SILENCE, value="1").status_code == 200
    (silence,) = service.silences.all()
    assert silence.ends_at_ms - clock.now_ms() == 3_600_000
    assert "slack:U0ANA00001" in silence.created_by


def test_a_press_counts_once(
    service: Any, client: TestClient, clock: ManualClock, pager: Any
) -> None:
    answers = [press(client, clock, pager.url, action_id=SILENCE, value="1") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert len(service.silences.all()) == 1


def test_a_press_on_what_is_gone_is_answered_to_the_one_who_pressed(
    client: TestClient, clock: ManualClock, pager: Any
) -> None:
    assert press(client, clock, pager.url, action_id=ACKNOWLEDGE, value="77").status_code == 200
    said = pager.of("slack")[-1]
    assert (said.path, said.problems) == ("response_url", [])
    assert "no incident #77" in said.body["text"]


def test_without_a_right_signature_nothing_happens(
    service: Any, client: TestClient, clock: ManualClock, pager: Any
) -> None:
    raw = urlencode({"payload": json.dumps(press_payload(pager.url, {"action_id": ACKNOWLEDGE,
                                                                     "value": "1"}))})  # fmt: skip
    for path, headers in (
        ("slack/interactions", sign(raw.encode(), "other", clock.now_ms() // 1000)),
        ("slack/interactions", {}),
        ("pagerduty/webhooks", {"x-pagerduty-signature": "v1=00"}),
    ):
        answer = client.post(f"/api/tocsin/v1/{path}", content=raw, headers=headers)
        assert answer.status_code == 401
        assert SECRETS["slack_signing_secret"] not in answer.text
    assert status(service) == "triggered"


def test_without_a_secret_the_routes_are_not_there(door: DeskDoor) -> None:
    app = FastAPI()
    app.include_router(router(door, AlertmanagerGlobal))
    for path in ("slack/interactions", "pagerduty/webhooks"):
        assert TestClient(app).post(f"/api/tocsin/v1/{path}", content=b"x").status_code == 404


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "block_actions", "actions": [{"action_id": ACKNOWLEDGE, "value": "1; x"}],
         "user": {"id": "U1"}},
        {"type": "block_actions", "actions": [{"action_id": SILENCE, "value": "1"}]},
        {"type": "block_actions", "actions": [{"action_id": SILENCE, "value": "9" * 40}],
         "user": {"id": "U1"}},
    ],
)  # fmt: skip
def test_a_press_that_names_nobody_or_nothing_is_refused(payload: object) -> None:
    with pytest.raises(InputError):
        read_press(payload)


def test_what_is_no_press_of_ours_is_let_be() -> None:
    for payload in (None, [], {}, {"type": "view_submission"}, {"type": "block_actions"},
                    press_payload("http://x/", {"action_id": "open_runbook"})):  # fmt: skip
        assert read_press(payload) is None


def webhook(client: TestClient, kind: str, key: str, person: bool = True, **data: Any) -> Any:
    agent = "user_reference" if person else "generic_events_api_inbound_integration_reference"
    incident = {"id": "PGR0VU2", "type": "incident", "incident_key": key}
    body = json.dumps({"event": {
        "id": "01", "event_type": f"incident.{kind}", "resource_type": "incident",
        "agent": {"id": "PL1", "type": agent, "summary": "Ana"},
        "data": {"incident": incident, **data} if data else incident,
    }}).encode()  # fmt: skip
    digest = hmac.new(SECRETS["pagerduty_webhook_secret"].encode(), body, hashlib.sha256)
    headers = {"x-pagerduty-signature": f"v1={digest.hexdigest()}"}
    return client.post("/api/tocsin/v1/pagerduty/webhooks", content=body, headers=headers)


def test_what_a_person_does_in_pagerduty_is_done_here_without_an_echo(
    service: Any, client: TestClient, pager: Any
) -> None:
    key = pager.of("pagerduty")[0].body["dedup_key"]
    assert key == dedup_key(service.groups()[0].key)
    assert webhook(client, "acknowledged", key).json() == {"incident": 1}
    assert status(service) == "acknowledged"
    (incident,) = service.on_call.incidents(IncidentSearch())
    assert incident.owner == "pagerduty:Ana"
    webhook(client, "annotated", key, content="looking")
    assert "pagerduty:Ana: looking" in service.on_call.incident(1).timeline[-1].text
    send(service)
    assert [entry.body["event_action"] for entry in pager.of("pagerduty")] == ["trigger"]
    webhook(client, "unacknowledged", key)
    assert status(service) == "triggered"
    webhook(client, "resolved", key)
    assert status(service) == "resolved"


def test_what_tocsin_did_there_comes_back_and_changes_nothing(
    service: Any, client: TestClient, pager: Any
) -> None:
    key = pager.of("pagerduty")[0].body["dedup_key"]
    assert webhook(client, "acknowledged", key, person=False).json() == {"incident": 1}
    assert status(service) == "triggered"


def test_incidents_of_others_and_other_events_are_let_be(service: Any, client: TestClient) -> None:
    assert webhook(client, "acknowledged", "someone-elses").json() == {"incident": 0}
    assert webhook(client, "priority_updated", "x").status_code == 202
    assert status(service) == "triggered"


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def test_buttons_work_over_the_socket_that_we_open_and_open_anew(
    service: Any, door: DeskDoor, pager: Any
) -> None:
    token = SecretSource(Secret("xapp-token-for-tests"))
    socket = SlackSocket(f"{pager.url}/api/", token, SystemClock(), door.take_slack)
    socket.start()
    try:
        wait_for(lambda: pager.state.slack.sockets)
        pager.post("/press", {"action_id": ACKNOWLEDGE, "value": "1"})
        wait_for(lambda: status(service) == "acknowledged")
        wait_for(lambda: [one for one in pager.of("slack") if one.path == "socket"])
        pager.post("/slack/refresh", {})
        opened = "apps.connections.open"
        wait_for(lambda: [one.path for one in pager.of("slack")].count(opened) == 2)
        wait_for(lambda: len(pager.state.slack.sockets) == 1 and socket.is_open)
    finally:
        socket.stop()
    assert [entry.problems for entry in pager.of("slack") if entry.problems] == []


def test_a_wrong_token_is_told_without_showing_it(
    pager: Any, caplog: pytest.LogCaptureFixture
) -> None:
    token = SecretSource(Secret("wrong-app-token"))
    socket = SlackSocket(f"{pager.url}/api/", token, SystemClock(), lambda _: None)
    socket.start()
    try:
        wait_for(lambda: "buttons do nothing" in caplog.text)
    finally:
        socket.stop()
    assert "invalid_auth" in caplog.text
    assert "wrong-app-token" not in caplog.text
