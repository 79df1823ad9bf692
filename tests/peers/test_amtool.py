"""Debian's amtool against our API, unchanged: alerts, silences, routes."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from alerts.api import router
from alerts.config import AlertmanagerGlobal, AlertsConfig
from alerts.service import AlertService
from collector.model import SystemClock

pytestmark = pytest.mark.peer
CONFIG = {
    "route": {
        "receiver": "default",
        "group_by": ["alertname"],
        "routes": [{"matchers": ['severity="page"'], "receiver": "oncall", "group_wait": "1s"}],
    },
    "receivers": [
        {"name": "default"},
        {
            "name": "oncall",
            "pagerduty_configs": [{"routing_key": "R0UT1NGKEY0123456789ABCDEF012345"}],
            "slack_configs": [{"channel": "#x"}],
            "email_configs": [{"to": "a@example.org"}],
        },
    ],
}
GLOBAL = {
    "slack_api_url": "https://hooks.slack.com/services/T1/B1/hooksecret24characters00",
    "smtp_smarthost": "mx.example.org:587",
    "smtp_from": "tocsin@example.org",
    "resolve_timeout": "2m",
}
Amtool = Callable[..., str]


@pytest.fixture
def amtool(binary: Callable[[str], str], tmp_path: Path) -> Iterator[Amtool]:
    program = binary("amtool")
    service = AlertService(
        AlertsConfig.model_validate(CONFIG),
        tmp_path / "alerts.db",
        SystemClock(),
        CollectorRegistry(),
        global_=AlertmanagerGlobal.model_validate(GLOBAL),
    )
    app = FastAPI()
    app.include_router(router(service))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        pass
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"

    def call(*arguments: str) -> str:
        command = [program, f"--alertmanager.url={url}", *arguments]
        run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert run.returncode == 0, run.stderr
        assert "warning" not in run.stderr.lower(), run.stderr
        return run.stdout

    yield call
    server.should_exit = True
    thread.join(20)
    service.close()


def test_alerts_are_added_and_queried(amtool: Amtool) -> None:
    amtool(
        "alert", "add", "alertname=Down", "severity=page", "instance=a", "--annotation=summary=x"
    )
    amtool("alert", "add", "alertname=Slow", "severity=ticket")
    found = json.loads(amtool("alert", "query", "-o", "json"))
    assert {alert["labels"]["alertname"] for alert in found} == {"Down", "Slow"}
    found = json.loads(amtool("alert", "query", "-o", "json", 'instance=~"a|b"'))
    assert [alert["labels"]["alertname"] for alert in found] == ["Down"]
    assert found[0]["receivers"] == [{"name": "oncall"}]
    found = json.loads(amtool("alert", "query", "-o", "json", "--receiver=default"))
    assert [alert["labels"]["alertname"] for alert in found] == ["Slow"]


def test_a_silence_is_added_queried_updated_and_expired(amtool: Amtool) -> None:
    amtool("alert", "add", "alertname=Down", "severity=page")
    silence_id = amtool("silence", "add", "alertname=Down", "-c", "maintenance", "-a", "me").strip()
    found = json.loads(amtool("silence", "query", "-o", "json"))
    assert [one["id"] for one in found] == [silence_id]
    assert found[0]["createdBy"] == "me"
    assert amtool("alert", "query", "-o", "json").strip() == "[]"
    silenced = json.loads(amtool("alert", "query", "-o", "json", "--silenced"))
    assert silenced[0]["status"]["silencedBy"] == [silence_id]
    amtool("silence", "update", "-d", "5h", silence_id)
    amtool("silence", "expire", silence_id)
    assert amtool("silence", "query", "-o", "json").strip() == "[]"
    assert len(json.loads(amtool("alert", "query", "-o", "json"))) == 1


def test_routes_are_read_from_the_api_with_secrets_masked(amtool: Amtool) -> None:
    assert amtool("config", "routes", "test", "severity=page").strip() == "oncall"
    assert amtool("config", "routes", "test", "severity=ticket").strip() == "default"
    shown = amtool("config", "show")
    assert "hooksecret" not in shown
    assert "R0UT1NG" not in shown
