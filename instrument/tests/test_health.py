"""Health endpoints say what is wrong, in time, without telling secrets."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from tocsin_instrument import Endpoints, instrument
from tocsin_instrument.health import HealthPage
from tocsin_instrument.testing import CapturedMetrics


def test_without_checks_all_pass(registry: CollectorRegistry, call: Any) -> None:
    app = FastAPI()
    instrument(app, registry=registry, json_logs=False)
    for kind in ("live", "ready", "startup"):
        answer = call(app, f"/health/{kind}")
        assert answer.status == 200
        assert json.loads(answer.body) == {"status": "pass", "checks": {}}
        assert answer.headers["cache-control"] == "no-store"


def test_failing_checks_are_named_and_secrets_are_not(
    registry: CollectorRegistry, call: Any
) -> None:
    async def fine() -> bool:
        return True

    async def refuses() -> bool:
        return False

    def raises() -> None:
        raise ConnectionError("postgres://user:hunter2@db")

    app = FastAPI()
    checks = {"cache": fine, "queue": refuses, "db": raises, "disk": lambda: None}
    instrument(app, registry=registry, json_logs=False, ready=checks)
    answer = call(app, "/health/ready")
    assert answer.status == 503
    assert b"hunter2" not in answer.body
    assert json.loads(answer.body)["checks"] == {
        "cache": {"status": "pass"},
        "queue": {"status": "fail", "error": "returned False"},
        "db": {"status": "fail", "error": "ConnectionError"},
        "disk": {"status": "pass"},
    }
    assert call(app, "/health/live").status == 200


def test_a_check_that_hangs_fails_in_time(call: Any) -> None:
    async def hangs() -> None:
        await asyncio.sleep(3600)

    answer = call(HealthPage({"db": hangs}, timeout_seconds=0.05))
    assert answer.status == 503
    assert json.loads(answer.body)["checks"]["db"]["error"] == "no answer within 0.05 s"


def test_startup_stays_passed(registry: CollectorRegistry, call: Any) -> None:
    verdicts = [False, True, False]
    app = FastAPI()
    startup = {"warm": lambda: verdicts.pop(0)}
    instrument(app, registry=registry, json_logs=False, startup=startup)
    assert [call(app, "/health/startup").status for _ in range(3)] == [503, 200, 200]
    assert verdicts == [False]


def test_paths_are_configurable_and_may_be_off(
    registry: CollectorRegistry, counted: CapturedMetrics, call: Any
) -> None:
    app = FastAPI()
    endpoints = Endpoints(live="/healthz", ready="", metrics="/internal/metrics")
    instrument(app, registry=registry, json_logs=False, endpoints=endpoints)
    assert call(app, "/healthz").status == 200
    assert call(app, "/internal/metrics").status == 200
    assert call(app, "/health/live").status == 404
    assert call(app, "/health/ready").status == 404
    assert counted.increase("http_server_request_duration_seconds_count") == 2
