"""Dead letters on the alerts page and on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from alerts import dead_letters
from alerts.config import AlertsConfig
from alerts.dead_letters import DeadLetter
from alerts.example import example_alerts, notification_of
from alerts.notification import encode
from alerts.service import AlertService
from collector.model.clock import ManualClock
from tocsin.web.router import web_router

NOW_MS = 1_700_000_000_000
CONFIG = {
    "route": {"receiver": "team"},
    "receivers": [{"name": "team", "webhook_configs": [{"url": "http://127.0.0.1:1/x"}]}],
}


@pytest.fixture
def alerts(tmp_path: Path) -> Iterator[AlertService]:
    """With one letter of a receiver that is there."""
    config = AlertsConfig.model_validate(CONFIG)
    clock = ManualClock(NOW_MS)
    made = AlertService(config, tmp_path / "a.sqlite", clock, CollectorRegistry())
    letter = DeadLetter(
        "1" * 32, NOW_MS, "team/webhook[0]", "team", "webhook", "{}:{}", "first notification",
        "<b>checkout</b> burns", "the webhook answered 404: gone", 3,
    )  # fmt: skip
    told = notification_of(example_alerts(NOW_MS), "team", NOW_MS, "http://tocsin")
    with made.database.write() as connection:
        dead_letters.bury(connection, letter, encode(told))
    yield made
    made.close()


def test_the_page_shows_a_letter_and_sends_it_again(alerts: AlertService) -> None:
    app = FastAPI()
    parts = SimpleNamespace(alerts=alerts, clock=alerts._clock)
    app.include_router(web_router(parts))  # type: ignore[arg-type]
    client = TestClient(app, follow_redirects=False)
    page = client.get("/alerts").text
    assert "Refused for good" in page
    assert "&lt;b&gt;checkout&lt;/b&gt; burns" in page
    assert "the webhook answered 404: gone" in page
    path = f"/alerts/dead-letters/{'1' * 32}/resend"
    assert client.post(path).status_code == 303
    assert sum(health.queued for health in alerts.channel_health()) == 1
    assert "Refused for good" not in client.get("/alerts").text
    assert client.post(path).status_code == 404


def test_the_command_says_that_there_are_none(running_tocsin: str) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tocsin", "alerts", "dead-letters", *arguments]
        asked = [*command, "--url", running_tocsin]
        return subprocess.run(asked, capture_output=True, text=True, timeout=120, check=False)

    assert run().stdout == "none\n"
    assert json.loads(run("--output", "json").stdout) == []
    assert run("resend").stdout == "0 sent again\n"
    unknown = run("drop", "x")
    assert unknown.returncode != 0
    assert "no dead letter x" in unknown.stderr
