"""A real tocsin with real receivers: an alert becomes an incident, nobody acknowledges, and so on.

It escalates to the next person, survives kill -9, is acknowledged over HTTP, falls silent, ends.
"""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CONFIG = """
route:
  receiver: team
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1s
receivers:
  - name: team
    webhook_configs: [{{url: "{url}/team"}}]
  - name: ana-phone
    webhook_configs: [{{url: "{url}/ana"}}]
  - name: ben-phone
    webhook_configs: [{{url: "{url}/ben"}}]
alerts:
  on_call:
    people:
      - {{name: ana, receivers: [ana-phone]}}
      - {{name: ben, receivers: [ben-phone]}}
    schedules:
      - {{name: primary, layers: [{{people: [ana], start: 2020-01-06T09:00}}]}}
    escalations:
      - name: default
        steps:
          - {{after: 2s, schedules: [primary]}}
          - {{after: 20s, people: [ben]}}
    escalation: default
"""
ALERT = {"labels": {"alertname": "Down", "severity": "critical", "service": "shop"}}
OTHER = {"labels": {"alertname": "Other", "severity": "warning", "service": "shop"}}
INCIDENT = "/api/tocsin/v1/incidents/1"


class Phones:
    """What each receiver was told, by the last part of its address."""

    def __init__(self) -> None:
        self.told: dict[str, list[dict[str, Any]]] = {"team": [], "ana": [], "ben": []}
        phones = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                phones.told[self.path.strip("/")].append(json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def of(self, name: str, alertname: str) -> list[str]:
        """The statuses of the messages to someone about one alert."""
        labels = {"alertname": alertname}
        return [one["status"] for one in list(self.told[name]) if one["groupLabels"] == labels]

    def count(self, alertname: str) -> dict[str, int]:
        """How many messages about an alert each got."""
        return {name: len(self.of(name, alertname)) for name in self.told}

    def await_repeats(self, eventually: Callable[..., Any], alertname: str, number: int) -> None:
        """Wait until the team is told of an alert some times more."""
        wanted = len(self.of("team", alertname)) + number
        eventually(lambda: len(self.of("team", alertname)) >= wanted, 60, f"repeats of {alertname}")


@pytest.fixture
def phones() -> Iterator[Phones]:
    running = Phones()
    yield running
    running.server.shutdown()
    running.server.server_close()


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def asked(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url, data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


@pytest.mark.slow
def test_from_an_alert_over_two_people_and_a_crash_to_its_end(
    tmp_path: Path,
    processes: Any,
    eventually: Callable[..., Any],
    http_ok: Callable[[str], bool],
    phones: Phones,
) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text(CONFIG.format(url=phones.url))
    address = free_address()
    url = f"http://{address}"

    def start() -> Any:
        arguments = ("--config", str(file), "--data-dir", str(tmp_path / "data"))
        started = processes.python("tocsin", "up", *arguments, "--listen", address)
        eventually(lambda: http_ok(f"{url}/-/ready"), 120, "tocsin is ready")
        return started

    tocsin = start()
    asked(f"{url}/api/v2/alerts", [ALERT])
    eventually(lambda: phones.of("ana", "Down"), 60, "the first step asks who is on call")
    assert phones.of("team", "Down"), "the route's receiver is told first"
    assert asked(url + INCIDENT)["status"] == "triggered"
    asked(f"{url}/api/v2/alerts", [OTHER])

    os.killpg(tocsin.pid, signal.SIGKILL)
    tocsin.wait(20)
    start()
    eventually(lambda: phones.of("ben", "Down"), 90, "the second step asks the second person")

    acknowledged = asked(f"{url}{INCIDENT}/acknowledge", {"actor": "ben"})
    assert (acknowledged["number"], acknowledged["status"]) == (1, "acknowledged")
    # the other alert goes on repeating, over the same queue: what it shows has passed for both
    phones.await_repeats(eventually, "Other", 2)
    before = phones.count("Down")
    phones.await_repeats(eventually, "Other", 3)
    assert phones.count("Down") == before, "repeats stopped"

    ended = {**ALERT, "endsAt": "2020-01-01T00:00:00Z", "startsAt": "2019-01-01T00:00:00Z"}
    asked(f"{url}/api/v2/alerts", [ended])
    for name in phones.told:
        eventually(lambda name=name: "resolved" in phones.of(name, "Down"), 60, f"{name} hears it")
    incident = asked(url + INCIDENT)
    assert (incident["status"], incident["resolved_by"]) == ("resolved", "")
    kinds = [one["kind"] for one in incident["timeline"]]
    assert kinds.count("opened") == kinds.count("acknowledged") == kinds.count("closed") == 1
    assert kinds.count("escalated") == 2
