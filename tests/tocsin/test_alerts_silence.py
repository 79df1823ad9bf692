"""`tocsin alerts silence` and amtool against a tocsin with recurring silences and a policy."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

import alerts.api
import alerts.api_why
from alerts.config import AlertsConfig
from alerts.service import AlertService
from alerts.silence_config import SilencesConfig
from collector.model import Alert, Labels, SystemClock
from tocsin.__main__ import command_line
from tocsin.silence_wiring import build_silences

RECURRING = {
    "name": "always",
    "matchers": ['service="batch"'],
    "rrule": "FREQ=DAILY",
    "start": "2026-01-05T00:00",
    "duration": "25h",
    "created_by": "ana",
    "comment": "the batch is always slow",
}
CONFIG = {
    "recurring": [RECURRING],
    "policy": {"max_duration": "2h", "min_comment": 3, "max_alerts": 1, "authors": "ana|bo"},
}


@dataclass
class Running:
    service: AlertService
    url: str

    def run(self, *arguments: str) -> tuple[int, str]:
        named = ["alerts", *arguments, "--url", self.url]
        answer = CliRunner().invoke(command_line(), named)
        return answer.exit_code, answer.stdout + str(answer.exception or "")

    def rows(self, *arguments: str) -> Any:
        code, text = self.run(*arguments, "--output", "json")
        assert code == 0, text
        return json.loads(text)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    clock = SystemClock()
    service = AlertService(AlertsConfig(), tmp_path / "a.sqlite", clock, CollectorRegistry())
    build_silences(service, service, SilencesConfig.model_validate(CONFIG))
    app = FastAPI()
    app.include_router(alerts.api.router(service))
    app.include_router(alerts.api_why.router(service))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Running(service, f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join(20)
    service.close()


def test_a_silence_is_made_listed_ended_and_told_of(running: Running) -> None:
    (made,) = running.rows(
        "silence", "add", "service=shop", "severity!~a|b", "--author", "ana", "-c", "swap it"
    )
    id_ = made["silenceID"]
    found = running.rows("silence", "list", 'service="shop"')
    assert [one["id"] for one in found] == [id_]
    assert [(m["name"], m["isRegex"], m["isEqual"]) for m in found[0]["matchers"]] == [
        ("service", False, True),
        ("severity", True, False),
    ]
    assert 'service="shop", severity!~"a|b"' in running.run("silence", "list")[1]
    assert running.run("silence", "expire", id_, "--author", "bo") == (0, f"{id_}\n")
    assert running.rows("silence", "list", 'service="shop"') == []
    (over,) = running.rows("silence", "list", 'service="shop"', "--expired")
    assert over["status"] == {"state": "expired"}
    told = running.rows("history", "--kind", "silence changed")
    assert [(one["actor"], one["data"]["change"]) for one in told] == [
        ("bo", "expired"),
        ("ana", "made"),
    ]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("add", "a=b", "--author", "ana"), "min_comment: the comment has 0 characters"),
        (("add", "a=b", "--author", "eve", "-c", "why"), "authors: 'eve' may make none"),
        (("add", "a=b", "--author", "ana", "-c", "why", "-d", "3h"), "max_duration: it lasts"),
        (("add", "alertname=~.+", "--author", "ana", "-c", "why"), "max_alerts: it would hide 2"),
        (("add",), "give matchers"),
        (("expire",), "give ids"),
        (("expire", "nosuch"), "silence not found"),
        (("add", "a~b", "--author", "ana", "-c", "why"), "bad matcher format"),
    ],
)
def test_what_is_refused_says_why(running: Running, arguments: tuple[str, ...], part: str) -> None:
    for name in ("Down", "Slow"):
        running.service.emit([Alert(Labels({"alertname": name}), {}, running.service.now_ms())])
    answer = CliRunner().invoke(
        command_line(), ["alerts", "silence", *arguments, "--url", running.url]
    )
    assert answer.exit_code != 0
    assert part in " ".join((answer.output + str(answer.exception)).split())


def test_a_recurring_silence_is_listed_and_can_not_be_ended_or_changed(running: Running) -> None:
    client = TestClient(FastAPI())
    client.app.include_router(alerts.api.router(running.service))  # type: ignore[attr-defined]
    found = client.get("/api/v2/silences", params={"filter": 'service="batch"'}).json()
    assert found
    one = found[0]
    assert one["id"].startswith("recurring/always/")
    assert (one["createdBy"], one["status"]) == ("ana", {"state": "active"})
    assert client.get(f"/api/v2/silence/{one['id']}").json() == one
    changed = {key: value for key, value in one.items() if key not in ("status", "updatedAt")}
    for answer in (
        client.delete(f"/api/v2/silence/{one['id']}"),
        client.post("/api/v2/silences", json=changed),
    ):
        assert answer.status_code == 400
        assert "change alerts.silences.recurring there and reload" in answer.json()
    code, text = running.run("silence", "expire", one["id"], "--author", "ana")
    assert code != 0
    assert "alerts.silences.recurring" in text


@pytest.mark.peer
def test_amtool_lists_recurring_silences_and_hears_the_policy(
    running: Running, binary: Callable[[str], str]
) -> None:
    def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [binary("amtool"), f"--alertmanager.url={running.url}", "silence", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    listed = json.loads(amtool("query", "-o", "json").stdout)
    (first, *_) = [one["id"] for one in listed]
    assert first.startswith("recurring/always/")
    refused = amtool("add", "service=shop", "--author=eve", "--comment=why", "--duration=3h")
    assert refused.returncode != 0
    assert "max_duration: it lasts" in refused.stderr
    assert "authors: 'eve'" in refused.stderr
    ended = amtool("expire", first)
    assert ended.returncode != 0
