"""Dead letters over the API: seen, sent again, let go of."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from alerts.api_dead_letters import router
from collector.model import Alert, ManualClock

PATH = "/api/tocsin/v1/dead-letters"


def send_all(service: Any) -> None:
    for sender in service.senders.values():
        while sender.send_due():
            pass


@pytest.fixture
def client(
    make_service: Any, receivers: dict[str, Any], pager: Any, clock: ManualClock, slo_alert: Alert
) -> TestClient:
    """Of a service with one dead letter."""
    clock.advance(slo_alert.starts_at_ms + 60_000 - clock.now_ms())
    service = make_service({
        "route": {"receiver": "team", "group_wait": "0s"},
        "receivers": [{"name": "team", "slack_configs": [receivers["slack"]]}],
    })  # fmt: skip
    pager.fault("slack", status=404)
    service.emit([slo_alert])
    service.step()
    send_all(service)
    app = FastAPI()
    app.include_router(router(service))
    app.state.service = service
    return TestClient(app)


def test_a_letter_is_seen_and_sent_again(client: TestClient, pager: Any) -> None:
    (letter,) = client.get(PATH).json()["dead_letters"]
    assert letter["integration"] == "team/slack[0]"
    assert "404" in letter["error"]
    assert "hooksecret" not in str(letter)
    assert client.get(PATH, params={"receiver": "other"}).json() == {"dead_letters": []}
    answer = client.post(f"{PATH}/resend", json={"receiver": "team"})
    assert answer.json() == {"resent": 1}
    send_all(client.app.state.service)  # type: ignore[attr-defined]
    assert [one.status for one in pager.of("slack")] == [404, 200]
    assert client.get(PATH).json() == {"dead_letters": []}


def test_an_unknown_letter_moves_nothing(client: TestClient) -> None:
    (letter,) = client.get(PATH).json()["dead_letters"]
    answer = client.post(f"{PATH}/resend", json={"ids": [letter["id"], "x"]})
    assert answer.status_code == 404
    assert len(client.get(PATH).json()["dead_letters"]) == 1


def test_a_letter_is_let_go_of(client: TestClient) -> None:
    (letter,) = client.get(PATH).json()["dead_letters"]
    assert client.delete(f"{PATH}/{letter['id']}").status_code == 204
    assert client.delete(f"{PATH}/{letter['id']}").status_code == 404
    assert client.get(PATH).json() == {"dead_letters": []}
