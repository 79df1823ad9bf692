"""Alerts: the cost of routing one, how many are taken in a second, what kill -9 loses."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import yaml
from prometheus_client import CollectorRegistry

from alerts.config import AlertsConfig
from alerts.route import build_route
from alerts.service import AlertService
from bench.figures import Figure
from bench.kill9_alerts import torture
from collector.model import Labels, SystemClock

ROUTES = 1_000
POSTED = 20_000
BATCH = 1_000
KILLS = 10
PEER = "prometheus-alertmanager"


def measure() -> list[Figure]:
    """`alert_route_us`, `alerts_posted_per_second` (beside Alertmanager), `kill9_*_pages`."""
    with tempfile.TemporaryDirectory() as directory:
        return [_route(), _posted(Path(directory)), *_kill9(Path(directory))]


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
    began = time.perf_counter()
    for labels in asked:
        root.match(labels)
    return Figure("alert_route_us", (time.perf_counter() - began) / len(asked) * 1e6, "us")


def _posted(directory: Path) -> Figure:
    """Alerts per second, each a new one, in batches over HTTP, until each POST was answered."""
    ours = _post_all_to_tocsin(directory)
    peer = _post_all_to_alertmanager(directory) if shutil.which(PEER) else None
    return Figure(
        "alerts_posted_per_second", ours, "1/s", PEER if peer else "", peer,
        ours / peer if peer else None,
    )  # fmt: skip


def _post_all_to_tocsin(directory: Path) -> float:
    import threading

    import uvicorn
    from fastapi import FastAPI

    from alerts.api import router

    config = AlertsConfig.model_validate(_config())
    service = AlertService(config, directory / "a.db", SystemClock(), CollectorRegistry())
    app = FastAPI()
    app.include_router(router(service))
    server = uvicorn.Server(uvicorn.Config(app, port=_free_port(), log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        return _post_all(f"http://127.0.0.1:{server.config.port}/api/v2/alerts")
    finally:
        server.should_exit = True
        thread.join()
        service.close()


def _post_all_to_alertmanager(directory: Path) -> float:
    file, port = directory / "am.yml", _free_port()
    file.write_text(yaml.safe_dump(_config()))
    command = [
        PEER, f"--config.file={file}", f"--storage.path={directory}/am",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            return _post_all(f"http://127.0.0.1:{port}/api/v2/alerts")
        finally:
            process.terminate()


def _post_all(url: str) -> float:
    _wait(lambda: urllib.request.urlopen(url, timeout=2).close())
    bodies = [
        json.dumps(
            [
                {"labels": {"alertname": "X", "team": f"t{i % ROUTES}", "severity": "page",
                            "instance": f"host-{i}"}, "annotations": {"summary": f"host {i}"}}
                for i in range(start, start + BATCH)
            ]
        ).encode()
        for start in range(0, POSTED, BATCH)
    ]  # fmt: skip
    began = time.perf_counter()
    for body in bodies:
        headers = {"content-type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60).close()
    return POSTED / (time.perf_counter() - began)


def _kill9(directory: Path) -> list[Figure]:
    outcome = torture(directory, int(os.environ.get("TOCSIN_KILLS", KILLS)), seed=7)
    return [
        Figure("kill9_lost_pages", outcome.lost, "pages"),
        Figure("kill9_doubled_pages", outcome.doubled, "pages"),
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
