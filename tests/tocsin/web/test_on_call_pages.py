"""The pages of incidents and of who is on call: what they show, and what their forms do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.model import Alert, Labels, ManualClock
from tocsin.config import load_config
from tocsin.lifecycle import Lifecycle
from tocsin.routers import build_application
from tocsin.wiring import Parts, build

CONFIG = """
route: {receiver: team, group_wait: 1s}
receivers:
  - name: team
    webhook_configs: [{url: "http://127.0.0.1:1/x"}]
alerts:
  on_call:
    people: [{name: ana, receivers: [team]}, {name: ben, receivers: [team]}]
    schedules:
      - name: primary
        layers:
          - people: [ana]
            start: 2020-01-06T09:00
            restrictions: [{start_time: "08:00", end_time: "20:00"}]
    escalations: [{name: default, steps: [{after: 5m, schedules: [primary]}]}]
    teams: [{name: payments, escalation: default}]
    heartbeats: [{name: backup, interval: 1h}]
"""


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    file = tmp_path / "tocsin.yaml"
    file.write_text(CONFIG)
    clock = ManualClock(1_700_000_000_000)
    built = build(load_config(file, {}), tmp_path / "data", clock, "http://127.0.0.1:9900")
    labels = {"alertname": "Down", "severity": "critical", "team": "payments", "service": "shop"}
    built.alerts.emit([Alert(Labels(labels), {"summary": "<script>alert(1)</script>"}, 0)])
    clock.advance(1_000)
    built.alerts.step()
    yield built
    built.alerts.close()
    built.logs.store.close()
    built.store.close()


@pytest.fixture
def app(parts: Parts) -> FastAPI:
    return build_application(parts, Lifecycle(parts, lambda: parts.config))


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, follow_redirects=False, base_url="http://127.0.0.1")


def test_an_incident_is_shown_and_acknowledged_by_its_button(
    client: TestClient, parts: Parts
) -> None:
    page = client.get("/incidents").text
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    first = client.get("/incidents/1").text
    assert "Acknowledge" in first
    assert "Snooze" not in first, "a name comes first"
    answer = client.post("/incidents/1/acknowledge", data={"actor": "ana"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/incidents/1")
    assert "SameSite=lax" in answer.headers["set-cookie"]
    page = client.get("/incidents/1").text
    assert "Take the acknowledgement back" in page
    assert 'name="actor" value="ana"' in page
    assert parts.alerts.on_call.incident(1).incident.owner == "ana"


FORMS = (
    ("name", {}, "triggered"),
    ("comment", {"text": "hm"}, "triggered"),
    ("assign", {"person": "ben"}, "triggered"),
    ("silence", {"duration": "2h"}, "triggered"),
    ("snooze", {"duration": "1h"}, "snoozed"),
    ("acknowledge", {}, "acknowledged"),
    ("unacknowledge", {}, "triggered"),
    ("resolve", {"text": "done"}, "resolved"),
)


def test_every_form_does_what_it_says(client: TestClient, parts: Parts) -> None:
    for act, form, status in FORMS:
        answer = client.post(f"/incidents/1/{act}", data={"actor": "ana", **form})
        assert answer.status_code == 303, act
        assert parts.alerts.on_call.incident(1).incident.status == status, act
        assert client.get("/incidents/1").status_code == 200


WRONG = (
    ("/incidents/99/acknowledge", {"actor": "ana"}, 404),
    ("/incidents/1/acknowledge", {}, 400),
    ("/incidents/1/dance", {"actor": "ana"}, 400),
    ("/incidents/1/snooze", {"actor": "ana", "duration": "soon"}, 400),
    ("/incidents/1/merge", {"actor": "ana", "into": "x"}, 400),
    ("/incidents/link/nonsense", {"actor": "ana"}, 400),
    ("/oncall/overrides", {"actor": "ana", "schedule": "none"}, 400),
    ("/oncall/overrides", {"actor": "ana", "schedule": "primary", "to": "soon"}, 400),
    ("/oncall/overrides/none/remove", {"actor": "ana"}, 404),
)


def test_what_no_form_would_send_is_refused(client: TestClient) -> None:
    for path, form, status in WRONG:
        assert client.post(path, data=form).status_code == status, (path, form)


def test_another_site_can_press_no_button(client: TestClient, parts: Parts) -> None:
    foreign = {"origin": "https://evil.example.org", "sec-fetch-site": "cross-site"}
    for path in ("/incidents/1/acknowledge", "/oncall/overrides"):
        assert client.post(path, data={"actor": "x"}, headers=foreign).status_code == 403
    assert parts.alerts.on_call.incident(1).incident.status == "triggered"


def test_a_signed_link_asks_first_and_acts_when_it_is_told_to(
    client: TestClient, parts: Parts
) -> None:
    station = parts.alerts.on_call
    link = station.links.signed(1, "acknowledge", parts.clock.now_ms())
    path = link.removeprefix("http://127.0.0.1:9900")
    for _ in range(2):
        asked = client.get(path)
        assert asked.status_code == 200
        assert station.incident(1).incident.status == "triggered"
    assert f'action="{path}"' in asked.text
    assert client.post(path, data={"actor": "ana"}).status_code == 303
    assert station.incident(1).incident.status == "acknowledged"
    forged = path[:-1] + ("A" if path[-1] != "A" else "B")
    assert client.get(forged).status_code == 400


def test_who_looked_stands_in_the_story_but_a_refresh_does_not(
    client: TestClient, parts: Parts
) -> None:
    client.post("/incidents/1/name", data={"actor": "ana"})
    client.get("/incidents/1", headers={"sec-fetch-mode": "cors"})
    assert "seen" not in [one.kind for one in parts.alerts.on_call.incident(1).timeline]
    for _ in range(2):
        client.get("/incidents/1", headers={"sec-fetch-mode": "navigate"})
    kinds = [str(one.kind) for one in parts.alerts.on_call.incident(1).timeline]
    assert kinds.count("seen") == 1


def test_who_is_on_call_is_drawn_with_gaps_and_overrides(client: TestClient) -> None:
    page = client.get("/oncall").text
    assert "Nobody is on call from" in page
    assert 'class="gap"' in page
    form = {"actor": "ana", "schedule": "primary", "person": "ben", "to": "2023-11-20T09:00"}
    assert client.post("/oncall/overrides", data=form).status_code == 303
    page = client.get("/oncall?days=7").text
    assert "override" in page
    path = page.partition('action="/oncall/overrides/')[2].partition('"')[0]
    assert client.post(f"/oncall/overrides/{path}", data={"actor": "ana"}).status_code == 303
    assert "Nobody stands in" in client.get("/oncall").text


def test_the_report_and_empty_pages_are_shown(client: TestClient) -> None:
    assert "MTTA" in client.get("/oncall/report").text
    assert client.get("/incidents?status=resolved").status_code == 200
    assert client.get("/incidents?status=shut").status_code == 400
    assert client.get("/incidents/99").status_code == 404


def test_what_surrounded_an_incident_is_kept_with_it(client: TestClient, parts: Parts) -> None:
    parts.deploys.add("shop", "1.4.2", parts.clock.now_ms() - 60_000)
    parts.deploys.add("other", "9", parts.clock.now_ms() - 60_000)
    parts.on_call.tick(parts.clock.now_ms())
    parts.on_call.show_figures(parts.clock.now_ms())
    page = client.get("/incidents/1").text
    assert "shop 1.4.2" in page
    assert "other 9" not in page
    metrics = client.get("/metrics").text
    assert 'tocsin_incidents_open{severity="critical",status="triggered"} 1.0' in metrics
