"""A pager that plays the receivers, a service on a clock that stands still, and alerts to send."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from prometheus_client import CollectorRegistry

from alerts.config import AlertmanagerGlobal, AlertsConfig
from alerts.service import AlertService
from collector.model import Alert, Clock, Labels, ManualClock
from collector.model.secrets import Secret
from examples.pager.app import Pager, build_app
from examples.pager.faults import Fault
from examples.pager.record import Entry, Record
from examples.pager.smtp_sink import serve_smtp

WEBHOOK_SECRET = "hooksecret24characters00"
ROUTING_KEY = "R0UT1NGKEY0123456789ABCDEF012345"
BOT_TOKEN = "xoxb-bot-token-for-tests"


class RunningPager:
    """The stand-in on a free port of this process."""

    def __init__(self) -> None:
        self.record = Record(None)
        self._app = build_app(self.record)
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1
            )
        )
        self._ready = threading.Event()
        self.smtp_port = 0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(20)
        self.url = f"http://127.0.0.1:{self._port()}"

    async def _serve(self) -> None:
        smtp = await serve_smtp("127.0.0.1", 0, self.record)
        self.smtp_port = smtp.port
        task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.01)
        self._ready.set()
        await task
        smtp.close()

    def _port(self) -> int:
        port: int = self._server.servers[0].sockets[0].getsockname()[1]
        return port

    @property
    def webhook_url(self) -> str:
        return f"{self.url}/services/T1/B1/{WEBHOOK_SECRET}"

    def of(self, service: str = "") -> list[Entry]:
        return self.record.of(service)

    @property
    def state(self) -> Pager:
        """What the stand-ins remember."""
        pager: Pager = self._app.state.pager
        return pager

    def post(self, path: str, body: Any) -> Any:
        """Ask the stand-in to do something."""
        request = urllib.request.Request(
            f"{self.url}{path}", data=json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def fault(self, service: str, **fault: Any) -> None:
        body = json.dumps({"service": service, **fault}).encode()
        request = urllib.request.Request(f"{self.url}/faults", data=body, method="POST")
        urllib.request.urlopen(request, timeout=5).close()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)


@pytest.fixture
def pager() -> Iterator[RunningPager]:
    running = RunningPager()
    yield running
    running.stop()


@pytest.fixture
def receivers(pager: RunningPager) -> dict[str, dict[str, Any]]:
    """One entry of each kind that reaches the pager."""
    host, port = "127.0.0.1", pager.smtp_port
    return {
        "slack": {"api_url": pager.webhook_url},
        "slack_bot": {
            "app_token": BOT_TOKEN,
            "app_url": f"{pager.url}/api/chat.postMessage",
            "channel": "#alerts",
        },
        "pagerduty": {"routing_key": ROUTING_KEY, "url": f"{pager.url}/v2/enqueue"},
        "webhook": {"url": f"{pager.url}/webhook"},
        "email": {
            "to": "oncall@example.org",
            "from": "tocsin@example.org",
            "smarthost": f"{host}:{port}",
            "require_tls": False,
        },
    }


@pytest.fixture
def slo_alert() -> Alert:
    return Alert(
        Labels({"alertname": "BudgetBurn", "severity": "page", "service": "checkout"}),
        {"description": "Payments answer 503 since the deploy."},
        starts_at_ms=1_700_000_000_000,
        evidence={
            "slo": "checkout-availability",
            "objective": 0.999,
            "sli": 0.9712,
            "burn_rate": 14.4,
            "burn_rates": {"1h": 14.4, "5m": 28.8},
            "budget_left_ratio": 0.42,
            "exhausted_in_seconds": 6720,
            "good": 9712,
            "bad": 288,
            "total": 10000,
            "window": "28d",
            "dashboard_url": "http://127.0.0.1:9900/slos/checkout-availability",
            "runbook_url": "https://runbooks.example.org/checkout",
        },
    )


Service = Callable[..., AlertService]


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Path | Secret:
    """Where alerting keeps its state: a file, then an empty schema of a PostgreSQL."""
    if request.param == "sqlite":
        return tmp_path / "alerts.db"
    return Secret(request.getfixturevalue("postgres").new_url())


@pytest.fixture
def make_service(address: Path | Secret, clock: ManualClock) -> Iterator[Service]:
    """Builds services on one database; each is closed at the end."""
    made: list[AlertService] = []

    def make(
        config: dict[str, Any], clock: Clock = clock, global_: dict[str, Any] | None = None
    ) -> AlertService:
        service = AlertService(
            AlertsConfig.model_validate(config),
            address,
            clock,
            CollectorRegistry(),
            global_=AlertmanagerGlobal.model_validate(global_ or {}),
            external_url="http://127.0.0.1:9900",
            random_ratio=lambda: 0.0,
            instance="the one process of this test",
        )
        made.append(service)
        return service

    yield make
    for service in made:
        service.close()


__all__ = ["BOT_TOKEN", "ROUTING_KEY", "WEBHOOK_SECRET", "Fault", "RunningPager"]
