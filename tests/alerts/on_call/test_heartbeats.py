"""Signs of life in and out."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alerts.database import Database
from alerts.deliver import ChannelHealth
from alerts.on_call.config import HeartbeatConfig, WatchdogConfig
from alerts.on_call.heartbeats import Heartbeats
from alerts.on_call.watchdog import Watchdog, a_channel_works, database_keeps, rounds_are_made
from collector.model import Alert, ManualClock

BACKUP = HeartbeatConfig.model_validate(
    {"name": "backup", "interval": "1h", "grace": "5m", "labels": {"team": "db"}}
)
MINUTE = 60_000


class Told:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def emit(self, alerts: Any) -> None:
        self.alerts += alerts


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "alerts.db")
    yield opened
    opened.close()


def test_an_alert_fires_when_it_stays_away_and_ends_when_it_comes(
    database: Database, clock: ManualClock
) -> None:
    told = Told()
    beats = Heartbeats(lambda: [BACKUP], database, clock, told)
    beats.tick(clock.now_ms())
    clock.advance(60 * MINUTE)
    beats.beat("backup", "10.0.0.1")
    clock.advance(65 * MINUTE)
    beats.tick(clock.now_ms())
    assert told.alerts == []
    clock.advance(1)
    beats.tick(clock.now_ms())
    (alert,) = told.alerts
    assert dict(alert.labels.pairs) == {
        "alertname": "HeartbeatMissed",
        "heartbeat": "backup",
        "severity": "critical",
        "team": "db",
    }
    assert alert.is_firing(clock.now_ms())
    beats.beat("backup", "10.0.0.1")
    assert told.alerts[-1].ends_at_ms == clock.now_ms()
    beats.tick(clock.now_ms())
    assert len(told.alerts) == 2
    assert [one.sender for one in beats.states()] == ["10.0.0.1"]


def test_a_restart_neither_forgets_nor_waits_anew(database: Database, clock: ManualClock) -> None:
    first, told = Heartbeats(lambda: [BACKUP], database, clock, Told()), Told()
    first.tick(clock.now_ms())
    clock.advance(66 * MINUTE)
    second = Heartbeats(lambda: [BACKUP], database, clock, told)
    second.tick(clock.now_ms())
    assert len(told.alerts) == 1


def test_one_that_nobody_expects_is_refused_and_one_that_is_gone_forgotten(
    database: Database, clock: ManualClock
) -> None:
    expected, told = [BACKUP], Told()
    beats = Heartbeats(lambda: expected, database, clock, told)
    with pytest.raises(KeyError):
        beats.beat("other", "")
    beats.tick(clock.now_ms())
    expected[:] = [BACKUP.model_copy(update={"name": "new"})]
    clock.advance(600 * MINUTE)
    beats.tick(clock.now_ms())
    assert told.alerts == []
    expected[:] = [BACKUP]
    beats.tick(clock.now_ms())
    assert told.alerts == []


class Outside:
    """The system that waits for our signs of life."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        outside = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outside.asked.append(f"{self.command} {self.path}")
                self.send_response(outside.status)
                self.end_headers()

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/alive"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def outside() -> Iterator[Outside]:
    running = Outside()
    yield running
    running.server.shutdown()
    running.server.server_close()


def test_a_sign_is_given_each_interval_while_everything_works(
    outside: Outside, clock: ManualClock
) -> None:
    problems = [""]
    config = WatchdogConfig.model_validate({"url": outside.url, "interval": "1m"})
    watchdog = Watchdog(lambda: config, [lambda: problems[0]], clock)
    for _ in range(13):
        watchdog.tick(clock.now_ms())
        clock.advance(10_000)
    assert outside.asked == ["GET /alive"] * 3
    problems[0] = "no rounds"
    clock.advance(MINUTE)
    watchdog.tick(clock.now_ms())
    assert len(outside.asked) == 3
    assert watchdog.last is not None
    assert watchdog.last.problem == "no rounds"


def test_a_sign_that_was_not_taken_is_no_success(outside: Outside, clock: ManualClock) -> None:
    config = WatchdogConfig.model_validate({"url": outside.url, "method": "POST"})
    watchdog = Watchdog(lambda: config, (), clock)
    outside.status = 500
    watchdog.tick(clock.now_ms())
    assert outside.asked == ["POST /alive"]
    assert watchdog.last_success_ms == 0
    assert watchdog.last is not None
    assert "500" in watchdog.last.problem
    assert outside.url not in watchdog.last.problem


def test_rounds_the_database_and_the_channels_are_looked_at(
    database: Database, clock: ManualClock
) -> None:
    last = [clock.now_ms()]
    rounds = rounds_are_made(lambda: last[0], clock)
    assert rounds() == ""
    clock.advance(151_000)
    assert "151 s" in rounds()
    keeps = database_keeps(database, clock)
    assert keeps() == ""
    good = ChannelHealth("a/slack[0]", "a", "slack", True, 0, 0, 0, 0, 0, "", 0)
    bad = ChannelHealth("a/email[0]", "a", "email", False, 0, 0, 1, 0, 0, "refused", 0)
    assert a_channel_works(list)() == ""
    assert a_channel_works(lambda: [bad, good])() == ""
    assert "refused" in a_channel_works(lambda: [bad, bad])()
