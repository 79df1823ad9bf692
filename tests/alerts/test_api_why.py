"""Over HTTP: why an alert is told, the story, a test of a receiver, a fire drill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from alerts.api_why import router
from alerts.service import AlertService
from collector.model import Alert, Labels, ManualClock
from tocsin.commands.alerts_why import why_lines

SECOND = 1_000


@pytest.fixture
def service(make_service: Callable[..., AlertService], receivers: dict[str, Any]) -> AlertService:
    return make_service(
        {
            "route": {"receiver": "team", "group_by": ["alertname"], "group_wait": "1s"},
            "receivers": [
                {
                    "name": "team",
                    "webhook_configs": [receivers["webhook"]],
                    "pagerduty_configs": [receivers["pagerduty"]],
                },
                {"name": "nobody"},
            ],
        }
    )


@pytest.fixture
def client(service: AlertService) -> TestClient:
    app = FastAPI()
    app.include_router(router(service))
    return TestClient(app)


def test_an_alert_thought_up_is_explained_in_words(client: TestClient) -> None:
    found = client.get("/api/tocsin/v1/alerts/why", params={"label": ["alertname=Down"]}).json()
    lines = list(why_lines(found))
    assert lines[0] == '{alertname="Down"}: not held now; this is what would happen'
    assert lines[1:4] == [
        "routes:",
        "→ (root)  team: matches",
        'group {}:{alertname="Down"} of team:',
    ]
    assert lines[-1] == "  team/webhook[0]: not told"


def test_an_alert_that_is_held_is_asked_for_by_its_fingerprint(
    client: TestClient, service: AlertService
) -> None:
    alert = Alert(Labels({"alertname": "Down"}), {}, service.now_ms())
    service.emit([alert])
    parameters = {"fingerprint": alert.fingerprint}
    found = client.get("/api/tocsin/v1/alerts/why", params=parameters).json()
    assert (found["status"], found["groups"][0]["is_open"]) == ("firing", True)


@pytest.mark.parametrize("query", ["", "label=a%21%3Db", "fingerprint=0000000000000000"])
def test_what_can_not_be_asked_about_is_said(client: TestClient, query: str) -> None:
    with pytest.raises(Exception, match=r"no labels are given|is held"):
        client.get(f"/api/tocsin/v1/alerts/why?{query}")


def test_a_test_reaches_every_integration_marked_and_leaves_nothing_open(
    client: TestClient, pager: Any
) -> None:
    answer = client.post("/api/tocsin/v1/receivers/team/test", json={"author": "ana"}).json()
    assert sorted(one["integration"] for one in answer["tested"]) == [
        "team/pagerduty[0]",
        "team/webhook[0]",
    ]
    assert {one["error"] for one in answer["tested"]} == {""}
    actions = [entry.body["event_action"] for entry in pager.of("pagerduty")]
    assert actions == ["trigger", "resolve"]
    assert len({entry.body["dedup_key"] for entry in pager.of("pagerduty")}) == 1
    assert pager.of("pagerduty")[0].body["payload"]["summary"].count("[TEST]") >= 1
    hooks = pager.of("webhook")
    assert [entry.body["status"] for entry in hooks] == ["firing", "resolved"]
    assert "ana tests" in hooks[0].body["commonAnnotations"]["summary"]
    assert not [entry.problems for entry in pager.of() if entry.problems]
    events = client.get("/api/tocsin/v1/history", params={"kind": "tested"}).json()["events"]
    assert [event["actor"] for event in events] == ["ana"]


def test_a_test_says_what_a_channel_answered(client: TestClient, pager: Any) -> None:
    pager.fault("webhook", status=404)
    answer = client.post("/api/tocsin/v1/receivers/team/test", json={"author": "ana"}).json()
    errors = {one["integration"]: one["error"] for one in answer["tested"]}
    assert "404" in errors["team/webhook[0]"]
    assert errors["team/pagerduty[0]"] == ""


def test_a_receiver_that_is_not_there_and_one_without_channels(client: TestClient) -> None:
    assert client.post("/api/tocsin/v1/receivers/x/test", json={"author": "a"}).status_code == 404
    found = client.post("/api/tocsin/v1/receivers/nobody/test", json={"author": "a"}).json()
    assert found["tested"] == []


def test_a_drill_goes_the_way_of_a_real_alert_and_ends_by_itself(
    client: TestClient, service: AlertService, clock: ManualClock, pager: Any
) -> None:
    body = {"labels": {"alertname": "Down"}, "author": "ana", "duration": "2m"}
    assert client.post("/api/tocsin/v1/drills", json=body).json()["status"] == "firing"
    for seconds in (1, 300, 300):
        clock.advance(seconds * SECOND)
        service.step()
        for sender in service._senders.values():
            while sender.send_due():
                pass
    hooks = pager.of("webhook")
    assert [entry.body["status"] for entry in hooks] == ["firing", "resolved"]
    assert hooks[0].body["commonLabels"] == {"alertname": "Down", "tocsin_drill": "true"}
    assert hooks[0].body["commonAnnotations"]["summary"] == "[DRILL] a fire drill"


@pytest.mark.parametrize("change", [{"labels": {}}, {"duration": "25h"}, {"duration": "0s"}])
def test_a_drill_that_makes_no_sense_is_refused(client: TestClient, change: dict[str, Any]) -> None:
    body = {"labels": {"a": "b"}, "author": "ana", **change}
    with pytest.raises(Exception, match=r"drill|duration"):
        client.post("/api/tocsin/v1/drills", json=body)
