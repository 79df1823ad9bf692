"""Alerts: what routing, posting and holding them costs, how soon one is told, what kill -9 loses.

`python -m bench.alerts PORT DATABASE` is the process that is measured beside Alertmanager.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import yaml
from prometheus_client import CollectorRegistry

from alerts.config import AlertsConfig
from alerts.route import build_route
from alerts.service import AlertService
from bench.figures import Figure
from bench.kill9_alerts import torture
from collector.model import Alert, Labels, SystemClock

ROUTES = 1_000
POSTED = 100_000
BATCH = 1_000
PAGES = 200
PAUSE_SECONDS = 0.02
KILLS = 10
PEER = "prometheus-alertmanager"


def measure() -> list[Figure]:
    """Routing, posting and holding (beside Alertmanager), alert to channel, what kill -9 loses."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        return [
            _route(), *_side_by_side(directory), *_latency(directory), *_kill9(directory)
        ]  # fmt: skip


def _config() -> dict[str, object]:
    routes = [
        {
            "matchers": [f'team="t{i}"', 'severity=~"page|ticket"'],
            "receiver": "r",
            "continue": False,
        }
        for i in range(ROUTES)
    ]
    route = {"receiver": "r", "group_by": ["alertname"], "group_wait": "1h", "routes": routes}
    return {"route": route, "receivers": [{"name": "r"}]}


def _route() -> Figure:
    root = build_route(AlertsConfig.model_validate(_config()).route)
    asked = [
        Labels({"alertname": "X", "team": f"t{i}", "severity": "page", "instance": f"host-{i}"})
        for i in range(ROUTES)
    ]
    began = time.process_time()
    for labels in asked:
        root.match(labels)
    microseconds = (time.process_time() - began) / len(asked) * 1e6
    return Figure("alert_route_us", microseconds, "us", at_most=20)


def _side_by_side(directory: Path) -> list[Figure]:
    """The same alerts posted to both, each as a process: how fast, and what holding them takes."""
    ours = _hold(_tocsin(directory))
    peer = _hold(_alertmanager(directory)) if shutil.which(PEER) else None
    name = PEER if peer else ""
    return [
        Figure(
            f"alerts_{what}", mine, unit, name, theirs,
            None if theirs is None else (mine / theirs if faster else theirs / mine),
        )
        for what, unit, faster, mine, theirs in zip(
            ("posted_per_second", "posted_per_cpu_second", "refreshed_per_second",
             "refreshed_per_cpu_second", "active_bytes", "active_process_mb"),
            ("1/s", "1/s", "1/s", "1/s", "B", "MB"),
            (True, True, True, True, False, False),
            ours, peer or (None,) * 6, strict=True,
        )
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Running:
    process: subprocess.Popen[bytes]
    url: str


def _tocsin(directory: Path) -> _Running:
    port = _free_port()
    command = [sys.executable, "-m", "bench.alerts", str(port), str(directory / "a.db")]
    return _Running(subprocess.Popen(command), f"http://127.0.0.1:{port}")


def _alertmanager(directory: Path) -> _Running:
    file, port = directory / "am.yml", _free_port()
    file.write_text(yaml.safe_dump(_config()))
    command = [
        PEER, f"--config.file={file}", f"--storage.path={directory}/am",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return _Running(process, f"http://127.0.0.1:{port}")


def _hold(running: _Running) -> tuple[float, float, float, float, float, float]:
    """Post every alert twice: alerts per second and per CPU second each time; then the memory."""
    try:
        _wait(lambda: urllib.request.urlopen(f"{running.url}/api/v2/status", timeout=2).close())
        process = psutil.Process(running.process.pid)
        before = process.memory_info().rss
        figures: list[float] = []
        for _ in range(2):
            began, cpu = time.perf_counter(), _cpu_seconds(process)
            _post_all(f"{running.url}/api/v2/alerts")
            figures += [POSTED / (time.perf_counter() - began)]
            figures += [POSTED / (_cpu_seconds(process) - cpu)]
        held = process.memory_info().rss
        return (*figures, (held - before) / POSTED, held / 1e6)  # type: ignore[return-value]
    finally:
        running.process.kill()
        running.process.wait()


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _serve(port: int, database: str) -> None:
    import uvicorn
    from fastapi import FastAPI

    from alerts.api import router

    config = AlertsConfig.model_validate(_config())
    service = AlertService(config, Path(database), SystemClock(), CollectorRegistry())
    service.start()
    app = FastAPI()
    app.include_router(router(service))
    uvicorn.run(app, port=port, log_level="error")


def _post_all(url: str) -> None:
    for start in range(0, POSTED, BATCH):
        body = json.dumps(
            [
                {"labels": {"alertname": "X", "team": f"t{i % ROUTES}", "severity": "page",
                            "instance": f"host-{i}"}, "annotations": {"summary": f"host {i}"}}
                for i in range(start, start + BATCH)
            ]
        ).encode()  # fmt: skip
        headers = {"content-type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60).close()


def _latency(directory: Path) -> list[Figure]:
    """From an alert's emission to its webhook's request, one group each, beside 100,000 others."""
    sink = _Sink()
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    receiver = {"name": "r", "webhook_configs": [{"url": f"http://127.0.0.1:{sink.server_port}"}]}
    quiet = {"receiver": "quiet", "matchers": ['alertname="X"'], "group_wait": "1h"}
    route = {"receiver": "r", "group_by": ["alertname"], "group_wait": "0s", "routes": [quiet]}
    inhibit = {
        "source_matchers": ['severity="down"'],
        "target_matchers": ['severity="page"'],
        "equal": ["instance"],
    }
    config = AlertsConfig.model_validate(
        {"route": route, "receivers": [receiver, {"name": "quiet"}], "inhibit_rules": [inhibit]}
    )
    service = AlertService(config, directory / "l.db", SystemClock(), CollectorRegistry())
    for start in range(0, POSTED, BATCH):
        service.emit(
            [
                Alert(Labels({"alertname": "X", "severity": "page", "instance": f"host-{i}"}))
                for i in range(start, start + BATCH)
            ]
        )
    service.start()
    began = {}
    for i in range(PAGES):
        began[f"Page{i}"] = time.perf_counter()
        service.emit([Alert(Labels({"alertname": f"Page{i}"}))])
        time.sleep(PAUSE_SECONDS)
    deadline = time.perf_counter() + 60
    while len(sink.seen) < PAGES and time.perf_counter() < deadline:
        time.sleep(0.01)
    service.close()
    sink.shutdown()
    took = sorted(sink.seen[name] - at for name, at in began.items())
    return [
        Figure("alert_to_channel_p50_ms", took[len(took) // 2] * 1000, "ms"),
        Figure("alert_to_channel_p99_ms", took[int(len(took) * 0.99)] * 1000, "ms", at_most=1000),
    ]


class _Sink(ThreadingHTTPServer):
    """A webhook that notes when each group's request came."""

    def __init__(self) -> None:
        self.seen: dict[str, float] = {}
        super().__init__(("127.0.0.1", 0), _Note)


class _Note(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        at = time.perf_counter()
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        assert isinstance(self.server, _Sink)
        self.server.seen.setdefault(body["groupLabels"]["alertname"], at)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing: the bench prints figures only."""


def _kill9(directory: Path) -> list[Figure]:
    outcome = torture(directory, int(os.environ.get("TOCSIN_KILLS", KILLS)), seed=7)
    return [
        Figure("kill9_lost_pages", outcome.lost, "pages"),
        Figure("kill9_repeated_pages", outcome.repeated, "pages"),
        Figure("kill9_doubled_requests", outcome.doubled, "requests"),
    ]


def _wait(call: Callable[[], None]) -> None:
    for _ in range(600):
        try:
            return call()
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError("the server did not answer")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    _serve(int(sys.argv[1]), sys.argv[2])
