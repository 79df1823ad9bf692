"""Random alerts, silences, routes and inhibitions, told to Debian's Alertmanager and to tocsin: the
same notifications, at the same time, in the same order, with the same content.

Alertmanager lives through a story in real time, half a minute; tocsin on a clock that is moved.
TOCSIN_STORIES says how many stories stand side by side, TOCSIN_STORY_SEED which ones.
"""

from __future__ import annotations

import http.server
import json
import os
import threading
import time
import urllib.request
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from alerts import dispatch
from alerts.api import router
from alerts.config import AlertmanagerGlobal, AlertsConfig
from alerts.service import AlertService
from collector.model import ManualClock
from tests.oracles.alert_stories import BEAT_MS, LAST_BEAT, Act, Fire, Hush, Stories, write_stories

pytestmark = pytest.mark.peer
COUNT = int(os.environ.get("TOCSIN_STORIES", "60"))
SEED = int(os.environ.get("TOCSIN_STORY_SEED", "1"))
BEAT = BEAT_MS / 1000
TIDIED_SECONDS = 30
"""How often Alertmanager looks for groups in which nothing is left."""
ATTEMPTS = 3
OF_THE_GROUP = ("status", "commonLabels", "commonAnnotations")
UNLIKE = ("externalURL", "version", "notification_reason")
"""Addresses, and what Debian's version does not say yet."""
Told = tuple[int, dict[str, Any]]
"""The beat since the beginning, and what was posted."""


class _Listener(http.server.ThreadingHTTPServer):
    request_queue_size = 1_024
    """All groups speak at once: who finds the queue full tries again a second later."""


@dataclass
class Ear:
    """Hears webhooks: each with the second at which it came."""

    now: Callable[[], float] = time.monotonic
    heard: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        ear = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                ear.heard.append((ear.now(), json.loads(body)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = _Listener(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def by_group(self, zero: float) -> dict[tuple[str, str], list[Told]]:
        """The notifications of each group, at the odd beat that they belong to."""
        found: dict[tuple[str, str], list[Told]] = {}
        for at, body in sorted(self.heard, key=lambda one: one[0]):
            group = found.setdefault((body["receiver"], body["groupKey"]), [])
            group.append((2 * int((at - zero) / BEAT // 2) + 1, comparable(body)))
        return found

    def in_time(self, zero: float) -> bool:
        """Whether all that was decided at an odd beat came before the next even one."""
        return all(0.9 < (at - zero) / BEAT % 2 < 1.9 for at, _ in self.heard)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def comparable(body: dict[str, Any]) -> dict[str, Any]:
    """What both must say alike: all but addresses and the moments themselves.

    Of a message that `max_alerts` cut, Alertmanager tells the status and what is common of the
    alerts that are left: `resolved`, though one that was cut fires. Ours tells it of the group.
    """
    kept = {name: value for name, value in body.items() if name not in UNLIKE}
    if kept["truncatedAlerts"]:
        kept = {name: kept[name] for name in kept if name not in OF_THE_GROUP}
    kept["alerts"] = [
        {name: alert[name] for name in ("labels", "annotations", "status")}
        for alert in body["alerts"]
    ]
    return kept


def with_hooks(config: dict[str, Any], url: str) -> dict[str, Any]:
    heard = deepcopy(config)
    for i, receiver in enumerate(heard["receivers"]):
        hook = {"url": url, "send_resolved": i != 1, "max_alerts": 2 if i == 2 else 0}
        receiver["webhook_configs"] = [hook]
    return heard


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


class Player:
    """Does the acts of a story through the API v2 of one of the two."""

    def __init__(self, ask: Callable[[str, str, Any], Any], zero_epoch: float) -> None:
        self._ask, self._zero = ask, zero_epoch
        self._silences: dict[str, tuple[str, int]] = {}

    def play(self, acts: tuple[Act, ...], beat: int) -> None:
        now = self._zero + beat * BEAT
        for act in acts:
            if isinstance(act, Hush):
                wanted = {
                    "matchers": list(act.matchers),
                    "startsAt": iso(now),
                    "endsAt": iso(now + act.beats * BEAT),
                    "createdBy": "story",
                    "comment": act.name,
                }
                answer = self._ask("POST", "/api/v2/silences", wanted)
                self._silences[act.name] = (answer["silenceID"], beat + act.beats)
            elif not isinstance(act, Fire):
                silence, until = self._silences[act.name]
                if until > beat:
                    self._ask("DELETE", f"/api/v2/silence/{silence}", None)
        alerts = [self._alert(act, now) for act in acts if isinstance(act, Fire)]
        if alerts:
            self._ask("POST", "/api/v2/alerts", alerts)

    def _alert(self, act: Fire, now: float) -> dict[str, Any]:
        alert = {
            "labels": dict(act.labels),
            "annotations": dict(act.annotations),
            "startsAt": iso(now),
        }
        if act.ends_after_beats is not None:
            alert["endsAt"] = iso(now + act.ends_after_beats * BEAT)
        return alert


def in_alertmanager(
    stories: Stories, directory: Path, program: str, start: Any, port: int
) -> dict[tuple[str, str], list[Told]] | None:
    """What Alertmanager says; None when this machine could not keep to the timetable."""
    ear = Ear()
    file = directory / "alertmanager.yml"
    file.write_text(yaml.safe_dump(with_hooks(stories.config, ear.url)))
    url = f"http://127.0.0.1:{port}"
    began = time.monotonic()
    start(
        [program, f"--config.file={file}", f"--storage.path={directory / 'data'}",
         f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    )  # fmt: skip

    def ask(method: str, path: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    _wait_until_ready(url)
    zero, zero_epoch = time.monotonic(), time.time()
    player = Player(ask, zero_epoch)
    in_time = True
    for i, acts in enumerate(stories.ticks):
        due = zero + 2 * i * BEAT
        time.sleep(max(due - time.monotonic(), 0))
        player.play(acts, 2 * i)
        in_time = in_time and time.monotonic() - due < BEAT / 2
    time.sleep(max(zero + (LAST_BEAT + 0.9) * BEAT - time.monotonic(), 0))
    ear.close()
    in_time = in_time and time.monotonic() - began < TIDIED_SECONDS
    return ear.by_group(zero) if in_time and ear.in_time(zero) else None


def in_tocsin(stories: Stories, directory: Path) -> dict[tuple[str, str], list[Told]]:
    """What tocsin says, on a clock that is moved from one second to the next."""
    clock = ManualClock(1_700_000_000_000)
    zero = clock.now_ms() / 1000
    ear = Ear(now=lambda: clock.now_ms() / 1000)
    hooked = with_hooks(stories.config, ear.url)
    global_ = AlertmanagerGlobal.model_validate(hooked.pop("global"))
    service = AlertService(
        AlertsConfig.model_validate(hooked),
        directory / "alerts.sqlite",
        clock,
        CollectorRegistry(),
        global_=global_,
    )
    app = FastAPI()
    app.include_router(router(service))
    client = TestClient(app)

    def ask(method: str, path: str, body: Any) -> Any:
        answer = client.request(method, path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.content else None

    player = Player(ask, zero)
    for beat in range(LAST_BEAT + 1):
        if beat % 2 == 0 and beat // 2 < len(stories.ticks):
            player.play(stories.ticks[beat // 2], beat)
        service.step()
        for sender in service._senders.values():
            while sender.send_due():
                pass
        clock.advance(BEAT_MS)
    service.close()
    ear.close()
    return ear.by_group(zero)


def _wait_until_ready(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/-/ready", timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("Alertmanager did not start")


def _leave_for_a_while(_: dispatch.Dispatcher, group: Any, fingerprints: Any) -> bool:
    group.members.difference_update(fingerprints)
    return False


@pytest.fixture
def alertmanager(binary: Callable[[str], str]) -> str:
    return binary("prometheus-alertmanager")


@pytest.fixture
def remembers_as_alertmanager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switches off what differs by design.

    In Alertmanager what ended while it was hidden counts as told: its end is never said, nor its
    next beginning until the repeat interval is over. A group in which nothing is left lives on
    until it is tidied away, which happens every 30 seconds: what begins anew meanwhile waits for
    its group_interval, not for its group_wait.
    """
    monkeypatch.setattr(dispatch, "_ended_unseen", lambda *_: [])
    monkeypatch.setattr(dispatch.Dispatcher, "leave", _leave_for_a_while)


@pytest.mark.usefixtures("remembers_as_alertmanager")
def test_the_same_notifications_at_the_same_time_in_the_same_order(
    alertmanager: str, tmp_path: Path, processes: Any, free_port: Callable[[], int]
) -> None:
    stories = write_stories(SEED, COUNT)
    ours = in_tocsin(stories, tmp_path)
    for attempt in range(ATTEMPTS):
        directory = tmp_path / str(attempt)
        directory.mkdir()
        theirs = in_alertmanager(stories, directory, alertmanager, processes.start, free_port())
        if theirs is not None:
            break
    else:
        pytest.skip(f"this machine was too busy to keep time in {ATTEMPTS} attempts")
    assert sum(map(len, theirs.values())) > COUNT
    wrong = {key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)}
    for key in sorted(wrong)[:3]:
        assert ours.get(key) == theirs.get(key), key
    assert not wrong
