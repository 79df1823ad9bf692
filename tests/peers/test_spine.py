"""From a real request to a page on someone's phone, everything as processes on real ports.

The shop under load, node_exporter, the pager that plays Slack and PagerDuty and checks every field,
and tocsin, which is killed with -9 in the middle. Time is compressed by configuration only.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ERROR_RATE = 0.2
LOAD_PER_SECOND = 40
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
scrape_configs:
  - job_name: shop-web
    static_configs: [{{targets: ["127.0.0.1:{web}"]}}]
  - job_name: shop-orders
    static_configs: [{{targets: ["127.0.0.1:{orders}"]}}]
  - job_name: shop-payments
    static_configs: [{{targets: ["127.0.0.1:{payments}"]}}]
  - job_name: node
    static_configs: [{{targets: ["127.0.0.1:{node}"]}}]
slos:
  files: [slos.yaml]
  tick: 1s
  burn_rate_tiers: [{{severity: page, long: 30s, short: 8s, factor: 3}}]
anomaly: {{enabled: false}}
route:
  receiver: on-call
  group_by: [service, slo]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 4h
receivers:
  - name: on-call
    slack_configs:
      - api_url: http://127.0.0.1:{pager}/services/T00000000/B00000000/spine
        channel: "#incidents"
        send_resolved: true
    pagerduty_configs:
      - routing_key: 0123456789abcdef0123456789abcdef
        url: http://127.0.0.1:{pager}/v2/enqueue
"""
SLOS = """
version: prometheus/v1
service: shop
slos:
  - name: checkout
    objective: 99
    description: A checkout is answered without a server error.
    sli:
      events:
        error_query: >-
          sum(rate(http_server_request_duration_seconds_count{job="shop-web",
          http_route="/checkout", http_response_status_code=~"5.."}[{{.window}}]))
        total_query: >-
          sum(rate(http_server_request_duration_seconds_count{job="shop-web",
          http_route="/checkout"}[{{.window}}]))
    alerting:
      name: CheckoutFails
      annotations: {runbook_url: "https://runbooks.example.net/checkout"}
"""


@dataclass
class Stage:
    """The processes of one run and how to ask them."""

    processes: Any
    directory: Path
    ports: dict[str, int]
    tocsin: subprocess.Popen[bytes] | None = None

    @property
    def report_file(self) -> Path:
        return self.directory / "load.json"

    def start_peers(self, node_exporter: str) -> None:
        run, ports = self.processes.python, self.ports
        shop = "examples.shop"
        upstream = ["--orders-url", f"http://127.0.0.1:{ports['orders']}"]
        upstream += ["--payments-url", f"http://127.0.0.1:{ports['payments']}"]
        logs = f"http://127.0.0.1:{ports['tocsin']}/v1/logs"
        for name in ("web", "orders", "payments"):
            arguments = [shop, name, "--port", str(ports[name]), *upstream]
            run(*arguments, OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=logs)
        run("examples.pager", "--port", str(ports["pager"]), "--record", str(self.record_file))
        listen = f"--web.listen-address=127.0.0.1:{ports['node']}"
        self.processes.start([node_exporter, listen])

    @property
    def record_file(self) -> Path:
        return self.directory / "pager.jsonl"

    def start_tocsin(self) -> None:
        config = self.directory / "tocsin.yaml"
        config.write_text(CONFIG.format(**self.ports))
        (self.directory / "slos.yaml").write_text(SLOS)
        self.tocsin = self.processes.python(
            "tocsin", "up", "--config", str(config),
            "--data-dir", str(self.directory / "data"),
            "--listen", f"127.0.0.1:{self.ports['tocsin']}",
        )  # fmt: skip

    def kill_tocsin(self) -> None:
        assert self.tocsin is not None
        os.kill(self.tocsin.pid, signal.SIGKILL)
        self.tocsin.wait()

    def get(self, port: str, path: str) -> Any:
        url = f"http://127.0.0.1:{self.ports[port]}{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    def is_ready(self, port: str, path: str) -> bool:
        url = f"http://127.0.0.1:{self.ports[port]}{path}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)

    def set_fault(self, error_rate: float) -> None:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.ports['web']}/faults",
            json.dumps({"error_rate": error_rate}).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10).close()

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.report_file.read_text())
        return found

    def checkouts(self) -> tuple[int, int]:
        """Bad and all checkouts, as the load generator counted them."""
        report = self.report()
        assert not report["connection_errors"]
        statuses = report["statuses"]["POST /checkout"]
        bad = sum(count for status, count in statuses.items() if status >= "500")
        return bad, sum(statuses.values())

    def budget(self) -> tuple[int, int]:
        """Bad and all events of the SLO, as tocsin counted them."""
        (slo,) = self.get("tocsin", "/api/tocsin/v1/slos")["slos"]
        budget = slo["budget"]
        return int(budget["bad"]), int(budget["total"])

    def received(self, service: str) -> list[dict[str, Any]]:
        lines = self.record_file.read_text().splitlines() if self.record_file.exists() else []
        return [entry for line in lines if (entry := json.loads(line))["service"] == service]

    def slack(self, word: str) -> list[str]:
        """Bodies of the Slack messages whose text has a word."""
        found = self.received("slack")
        return [json.dumps(one["body"]) for one in found if word in one["body"]["text"].lower()]

    def pagerduty(self, action: str) -> list[dict[str, Any]]:
        found = self.received("pagerduty")
        return [one["body"] for one in found if one["body"]["event_action"] == action]

    def samples(self, query: str) -> dict[str, list[Any]]:
        """Raw samples of a range selector, by series."""
        parameters = urllib.parse.urlencode({"query": query})
        answer = self.get("tocsin", f"/api/v1/query?{parameters}")
        return {str(one["metric"]): one["values"] for one in answer["data"]["result"]}


@pytest.fixture
def stage(processes: Any, tmp_path: Path, free_port: Callable[[], int]) -> Stage:
    names = ("web", "orders", "payments", "pager", "node", "tocsin")
    ports: dict[str, int] = {}
    while len(set(ports.values())) < len(names):
        ports = {name: free_port() for name in names}
    return Stage(processes, tmp_path, ports)


@pytest.mark.peer
def test_a_failing_shop_rings_once_and_every_event_is_counted(
    stage: Stage, binary: Callable[[str], str], eventually: Callable[..., Any]
) -> None:
    stage.start_peers(binary("prometheus-node-exporter"))
    stage.start_tocsin()
    eventually(lambda: stage.is_ready("tocsin", "/-/ready"), 90, "tocsin is ready")
    for name in ("web", "orders", "payments"):
        eventually(lambda name=name: stage.is_ready(name, "/health/ready"), 60, f"{name} is ready")
    eventually(lambda: all_up(stage), 60, "all targets are up")

    load = stage.processes.python(
        "examples.shop.load", "--url", f"http://127.0.0.1:{stage.ports['web']}",
        "--rate", str(LOAD_PER_SECOND), "--duration", "0", "--report", str(stage.report_file),
    )  # fmt: skip
    eventually(lambda: stage.budget()[1] > 100, 60, "checkouts are counted")

    stage.set_fault(ERROR_RATE)
    eventually(lambda: stage.slack("checkoutfails") or stage.slack("checkout"), 60, "Slack rings")
    eventually(lambda: stage.pagerduty("trigger"), 60, "PagerDuty rings")
    check_messages(stage)

    before = stage.samples('up{job="shop-web"}[10m]')
    assert before
    stage.kill_tocsin()
    stage.start_tocsin()
    eventually(lambda: stage.is_ready("tocsin", "/-/ready"), 90, "tocsin is back")
    after = stage.samples('up{job="shop-web"}[10m]')
    for series, values in before.items():
        assert after[series][: len(values)] == values, "an acknowledged sample is gone"
    eventually(lambda: stage.budget()[0] > 0, 30, "the ledger knows what was bad before the kill")

    stage.set_fault(0)
    eventually(lambda: stage.pagerduty("resolve"), 90, "PagerDuty is told of the end")
    eventually(lambda: stage.slack("resolved"), 30, "Slack is told of the end")

    load.terminate()
    load.wait(60)
    assert stage.report()["finished"]
    eventually(lambda: stage.budget() == stage.checkouts(), 20, "the ledger has every event")
    bad, total = stage.checkouts()
    assert 0 < bad < total

    check_once(stage)
    check_logs(stage, eventually)


def all_up(stage: Stage) -> bool:
    targets = stage.get("tocsin", "/api/v1/targets")["data"]["activeTargets"]
    return len(targets) == 4 and all(target["health"] == "up" for target in targets)


def check_messages(stage: Stage) -> None:
    """Both say what burns, how fast, where to read on; the pager found every field right."""
    (trigger,) = stage.pagerduty("trigger")
    message = stage.received("slack")[0]
    for said in (json.dumps(trigger), json.dumps(message["body"])):
        for part in (
            "checkout",
            "shop",
            "https://runbooks.example.net/checkout",
            f"http://127.0.0.1:{stage.ports['tocsin']}/",
        ):
            assert part in said, f"{part!r} is missing in {said}"
    assert trigger["payload"]["custom_details"]["burn_rate"] > 3


def check_once(stage: Stage) -> None:
    """One page, one end, nothing repeated by the restart, no field wrong."""
    for service in ("slack", "pagerduty"):
        entries = stage.received(service)
        assert all(not one["problems"] and one["status"] < 300 for one in entries), entries
    assert len(stage.pagerduty("trigger")) == 1
    assert len(stage.pagerduty("resolve")) == 1
    keys = {one["body"]["dedup_key"] for one in stage.received("pagerduty")}
    assert len(keys) == 1
    assert len(stage.received("slack")) == 2


def check_logs(stage: Stage, eventually: Callable[..., Any]) -> None:
    """The shop's own account of its failures came over OTLP, with trace ids to follow."""
    path = "/api/tocsin/v1/logs?service=shop-web&limit=500"
    records = eventually(lambda: stage.get("tocsin", path)["logs"], 30, "logs of the shop")
    assert any(record["trace_id"] for record in records)
    assert any("500" in json.dumps(record) for record in records)
