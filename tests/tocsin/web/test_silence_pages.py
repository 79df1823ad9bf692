"""What the alerts page's forms answer when someone sends what no form would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from alerts.config import AlertsConfig
from alerts.events import EventKind, EventSearch, find_events
from alerts.service import AlertService
from alerts.silence_config import SilencesConfig
from collector.model.clock import ManualClock
from tocsin.silence_wiring import build_silences
from tocsin.web.forms import MAX_FORM_BYTES
from tocsin.web.router import web_router

FORM = {"matchers": 'a="b"', "duration": "2h", "created_by": "<b>me</b>", "comment": "why"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    clock = ManualClock(1_700_000_000_000)
    alerts = AlertService(AlertsConfig(), tmp_path / "a.sqlite", clock, CollectorRegistry())
    app = FastAPI()
    app.include_router(web_router(SimpleNamespace(alerts=alerts, clock=clock)))  # type: ignore[arg-type]
    app.state.service = alerts
    yield TestClient(app, follow_redirects=False)
    alerts.close()


def test_a_silence_is_made_shown_and_ended(client: TestClient) -> None:
    assert client.post("/alerts/silences", data=FORM).headers["location"] == "/alerts"
    page = client.get("/alerts").text
    assert "&lt;b&gt;me&lt;/b&gt;" in page
    path = page.partition('action="')[2].partition('"')[0]
    assert client.post(path).status_code == 303
    again = client.post(path)
    assert again.status_code == 400
    assert "already expired" in again.text


def test_a_silence_that_is_not_there_is_not_found(client: TestClient) -> None:
    assert client.post("/alerts/silences/nosuch/expire").status_code == 404


@pytest.mark.parametrize("duration", ["9" * 5000 + "s", "9" * 25 + "y", "0s", "-1h", "soon", ""])
def test_a_duration_that_is_none_is_refused(client: TestClient, duration: str) -> None:
    answer = client.post("/alerts/silences", data={**FORM, "duration": duration})
    assert answer.status_code == 400
    assert "That did not work" in answer.text


def test_a_form_is_not_read_past_its_limit(client: TestClient) -> None:
    answer = client.post("/alerts/silences", content=b"a" * (MAX_FORM_BYTES + 1))
    assert answer.status_code == 400
    assert "too large" in answer.text


def test_who_ends_a_silence_is_remembered_by_the_browser_and_told(client: TestClient) -> None:
    client.post("/alerts/silences", data={**FORM, "created_by": "ana"})
    page = client.get("/alerts").text
    assert 'name="created_by" required size="14" autocomplete="name" value="ana"' in page
    client.post(page.partition('action="')[2].partition('"')[0])
    with client.app.state.service.database.read() as connection:  # type: ignore[attr-defined]
        told = find_events(connection, EventSearch(kinds=(EventKind.SILENCE_CHANGED,)))
    assert [(one.actor, one.data["change"]) for one in told] == [
        ("ana", "expired"),
        ("ana", "made"),
    ]


def ruled(client: TestClient, **config: object) -> None:
    service = client.app.state.service  # type: ignore[attr-defined]
    build_silences(service, service, SilencesConfig.model_validate(config))


def test_a_recurring_silence_is_shown_without_a_button_and_refuses_to_end(
    client: TestClient,
) -> None:
    entry = {
        "name": "always",
        "matchers": ["service=batch"],
        "rrule": "FREQ=DAILY",
        "start": "2023-01-01T00:00",
        "duration": "1d",
    }
    ruled(client, recurring=[entry])
    page = client.get("/alerts").text
    assert "service=&#34;batch&#34;" in page
    assert "configured" in page
    assert "/expire" not in page
    answer = client.post("/alerts/silences/recurring/always/20231114T000000Z/expire")
    assert answer.status_code == 400
    assert "alerts.silences.recurring" in answer.text


def test_the_form_says_which_rule_of_the_policy_it_breaks(client: TestClient) -> None:
    ruled(client, policy={"max_duration": "1h", "min_comment": 10})
    answer = client.post("/alerts/silences", data=FORM)
    assert answer.status_code == 400
    assert "max_duration: it lasts 2h, over 1h" in answer.text
    assert "min_comment: the comment has 3 characters" in answer.text
