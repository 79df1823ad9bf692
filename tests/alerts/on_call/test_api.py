"""Incidents, schedules, overrides, feeds, heartbeats and the report over HTTP."""

from __future__ import annotations

from typing import Any

import icalendar
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from alerts.on_call import api, api_heartbeats, api_report, api_schedules
from alerts.on_call.config import HeartbeatConfig
from alerts.on_call.heartbeats import Heartbeats
from tocsin.http_errors import add_error_answers

INCIDENTS, ON_CALL = "/api/tocsin/v1/incidents", "/api/tocsin/v1/oncall"
HOUR_MS = 3_600_000


@pytest.fixture
def client(world: Any) -> TestClient:
    station, clock = world.service.on_call, world.clock
    backup = HeartbeatConfig.model_validate({"name": "backup", "interval": "1h"})
    beats = Heartbeats(lambda: [backup], station.database, clock, world.service)
    app = FastAPI()
    for router in (
        api.router(station),
        api_schedules.router(station, clock),
        api_heartbeats.router(beats, clock),
        api_report.router(station, clock),
    ):
        app.include_router(router)
    add_error_answers(app)
    return TestClient(app)


@pytest.fixture
def opened(world: Any, make_alert: Any) -> None:
    world.emit(make_alert(service="shop"), make_alert("Slow", severity="info"))
    world.run(2)


@pytest.mark.usefixtures("opened")
def test_incidents_are_listed_and_filtered(client: TestClient) -> None:
    def numbers(**asked: str) -> list[int]:
        answer = client.get(INCIDENTS, params=asked)
        assert answer.status_code == 200
        return [one["number"] for one in answer.json()["incidents"]]

    assert sorted(numbers()) == [1, 2]
    assert len(numbers(severity="info")) == len(numbers(severity="critical")) == 1
    assert numbers(status="resolved") == []
    assert sorted(numbers(status="open")) == [1, 2]
    assert numbers(team="nobody") == []
    assert client.get(INCIDENTS, params={"status": "shut"}).status_code == 400
    assert client.get(INCIDENTS, params={"severity": "page"}).status_code == 400


@pytest.mark.usefixtures("opened")
def test_what_people_do_is_answered_as_it_is_then(client: TestClient) -> None:
    number = client.get(INCIDENTS, params={"severity": "critical"}).json()["incidents"][0]["number"]

    def act(name: str, **body: object) -> dict[str, Any]:
        answer = client.post(f"{INCIDENTS}/{number}/{name}", json={"actor": "ana", **body})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    assert act("acknowledge")["status"] == "acknowledged"
    assert act("unacknowledge")["status"] == "triggered"
    assert act("assign", person="ben")["owner"] == "ben"
    assert act("comment", text="hm")["timeline"][-1]["text"] == "ana: hm"
    assert act("snooze", duration="1h")["status"] == "snoozed"
    assert act("silence", duration="1h")["silence_id"]
    detail = act("resolve", text="done")
    assert (detail["status"], detail["resolved_by"]) == ("resolved", "ana")
    assert "opened" in [one["kind"] for one in detail["timeline"]]
    assert detail["alerts"][0]["labels"]["alertname"] == "Down"
    assert detail["url"].endswith(f"/incidents/{number}")


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("99/acknowledge", {"actor": "ana"}, 404),
        ("99/silence", {"actor": "ana", "duration": "1h"}, 404),
        ("1/acknowledge", {"actor": " "}, 400),
        ("1/acknowledge", {}, 422),
        ("1/acknowledge", {"actor": "ana", "more": 1}, 422),
        ("1/snooze", {"actor": "ana", "duration": "soon"}, 400),
        ("1/snooze", {"actor": "ana", "duration": "8d"}, 400),
        ("1/assign", {"actor": "ana", "person": ""}, 400),
        ("1/comment", {"actor": "ana", "text": " "}, 400),
        ("1/merge", {"actor": "ana", "into": 1}, 400),
        ("1/merge", {"actor": "ana", "into": 99}, 404),
        ("1/dance", {"actor": "ana"}, 404),
    ],
)
def test_what_makes_no_sense_is_refused(
    client: TestClient, path: str, body: dict[str, object], status: int
) -> None:
    answer = client.post(f"{INCIDENTS}/{path}", json=body)
    assert answer.status_code == status
    assert client.get(f"{INCIDENTS}/1").json()["status"] == "triggered"


def test_who_is_on_call_with_an_override_that_is_made_and_taken_back(
    client: TestClient, world: Any
) -> None:
    def who() -> str:
        person: str = client.get(ON_CALL).json()["on_call"][0]["person"]
        return person

    now_ms = world.clock.now_ms()
    assert who() == "ana"
    body = {"schedule": "primary", "person": "ben", "author": "ana"}
    times = {"start_ms": now_ms, "end_ms": now_ms + HOUR_MS}
    made = client.post(f"{ON_CALL}/overrides", json={**body, **times})
    assert made.status_code == 201
    assert who() == "ben"
    assert client.get(ON_CALL, params={"at_ms": now_ms + HOUR_MS}).json()["on_call"][0][
        "person"
    ] == ("ana")
    (kept,) = client.get(f"{ON_CALL}/overrides").json()["overrides"]
    assert client.delete(f"{ON_CALL}/overrides/{kept['id']}?author=ana").status_code == 200
    assert who() == "ana"
    assert client.delete(f"{ON_CALL}/overrides/{kept['id']}?author=ana").status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"schedule": "none"},
        {"person": "nobody"},
        {"author": ""},
        {"end_ms": 1},
        {"end_ms": 1_700_000_000_000 + 500 * 24 * HOUR_MS},
    ],
)
def test_an_override_that_makes_no_sense_is_refused(
    client: TestClient, world: Any, wrong: dict[str, object]
) -> None:
    now_ms = world.clock.now_ms()
    body = {"schedule": "primary", "person": "ben", "author": "ana"}
    times = {"start_ms": now_ms, "end_ms": now_ms + HOUR_MS}
    assert client.post(f"{ON_CALL}/overrides", json={**body, **times, **wrong}).status_code == 400


def test_a_schedule_its_gaps_and_its_feeds(client: TestClient, world: Any) -> None:
    found = client.get(f"{ON_CALL}/schedules/primary", params={"days": 7}).json()
    assert (found["name"], found["time_zone"], found["gaps"]) == ("primary", "UTC", [])
    assert {one["person"] for one in found["shifts"]} == {"ana"}
    assert found["layers"][0]["people"] == ["ana"]
    before = {"from_ms": 1, "days": 1}
    assert list(client.get(f"{ON_CALL}/gaps", params=before).json()["gaps"]) == ["primary"]
    for path in ("schedules/primary", "people/ana"):
        answer = client.get(f"{ON_CALL}/{path}/calendar.ics")
        assert answer.headers["content-type"].startswith("text/calendar")
        assert icalendar.Calendar.from_ical(answer.text).walk("VEVENT")
    for path in ("schedules/none", "schedules/none/calendar.ics", "people/none/calendar.ics"):
        assert client.get(f"{ON_CALL}/{path}").status_code == 404


def test_a_heartbeat_is_heard(client: TestClient, world: Any) -> None:
    assert client.post("/api/tocsin/v1/heartbeats/other").status_code == 404
    assert client.post("/api/tocsin/v1/heartbeats/backup").json()["is_missing"] is False
    (one,) = client.get("/api/tocsin/v1/heartbeats").json()["heartbeats"]
    assert (one["last_ms"], one["sender"]) == (world.clock.now_ms(), "testclient")


def test_the_report_counts_what_was(client: TestClient, world: Any, make_alert: Any) -> None:
    world.emit(make_alert())
    world.run(90)
    world.desk.acknowledge(1, "ana")
    world.run(10)
    found = client.get(f"{ON_CALL}/report", params={"days": 1}).json()
    assert found["incidents"] == 1
    assert 75 < found["to_acknowledge"]["mean_seconds"] < 95
    assert {one["person"]: one["pages"] for one in found["loads"]} == {"ana": 1}
