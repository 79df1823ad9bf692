"""The pages that explain an alert, show what happened, and test receivers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from alerts.config import AlertsConfig
from alerts.service import AlertService
from collector.model import Alert, Labels
from collector.model.clock import ManualClock
from tocsin.web.router import web_router
from tocsin.web.why_page import why_link

CONFIG = {"route": {"receiver": "team"}, "receivers": [{"name": "team"}]}
DOWN = Labels({"alertname": "Down", "path": 'a"b\\c', "x": "<b>"})


@pytest.fixture
def alerts(tmp_path: Path) -> Iterator[AlertService]:
    clock = ManualClock(1_700_000_000_000)
    config = AlertsConfig.model_validate(CONFIG)
    alerts = AlertService(config, tmp_path / "a.sqlite", clock, CollectorRegistry())
    yield alerts
    alerts.close()


@pytest.fixture
def client(alerts: AlertService) -> TestClient:
    app = FastAPI()
    parts = SimpleNamespace(alerts=alerts, clock=alerts._clock)
    app.include_router(web_router(parts))  # type: ignore[arg-type]
    return TestClient(app, follow_redirects=False)


def test_the_link_of_an_alert_leads_to_its_explanation(
    client: TestClient, alerts: AlertService
) -> None:
    alerts.emit([Alert(DOWN, {"summary": "it is <i>down</i>"}, alerts.now_ms())])
    assert why_link(DOWN).replace("&", "&amp;") in client.get("/alerts").text
    page = client.get(why_link(DOWN)).text
    assert "Nobody is told: its receiver has no integrations." in page
    assert "it is &lt;i&gt;down&lt;/i&gt;" in page
    assert "<b>" not in page


@pytest.mark.parametrize("labels", ["a!=b", "{", "a"])
def test_what_are_no_labels_is_said_above_the_form(client: TestClient, labels: str) -> None:
    page = client.get("/alerts/why", params={"labels": labels})
    assert page.status_code == 200
    assert 'role="alert"' in page.text


def test_history_is_searched_by_kind_and_text(client: TestClient, alerts: AlertService) -> None:
    alerts.emit([Alert(DOWN, {"summary": "it is down"}, alerts.now_ms())])
    assert "it is down" in client.get("/history", params={"kind": "fired"}).text
    assert "it is down" not in client.get("/history", params={"kind": "resolved"}).text
    assert "it is down" not in client.get("/history", params={"contains": "else"}).text


def test_a_receiver_is_tested_by_form_and_the_history_tells(client: TestClient) -> None:
    form = {"receiver": "team", "author": "ana"}
    answer = client.post("/alerts/receivers/test", data=form)
    assert answer.headers["location"] == "/history?kind=tested"
    assert "ana tested team: it has no integrations" in client.get("/history?kind=tested").text
    assert client.post("/alerts/receivers/test", data={"receiver": "no"}).status_code == 400
