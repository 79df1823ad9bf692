"""tocsin's own alerts in a real Alertmanager, also one that is away for a while."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from alerts.external import sink as sink_module
from alerts.external.config import AlertingConfig
from alerts.external.sink import ExternalSink
from alerts.self_metrics import AlertMetrics
from collector.model import Alert, Labels, SystemClock

pytestmark = pytest.mark.peer
CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"


@pytest.fixture
def begin(binary: Callable[[str], str], tmp_path: Path, processes: Any) -> Callable[[int], Any]:
    program = binary("prometheus-alertmanager")
    file = tmp_path / "alertmanager.yml"
    file.write_text(CONFIG)

    def start(port: int) -> Any:
        return processes.start(
            [program, f"--config.file={file}", f"--storage.path={tmp_path / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
        )  # fmt: skip

    return start


def held(port: int) -> dict[str, dict[str, Any]]:
    """The alerts that an Alertmanager holds, by name; none while it is away."""
    url = f"http://127.0.0.1:{port}/api/v2/alerts"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return {one["labels"]["alertname"]: one for one in json.load(answer)}
    except OSError:
        return {}


def test_alerts_begin_and_end_there_though_it_was_away(
    begin: Callable[[int], Any],
    free_port: Callable[[], int],
    eventually: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sink_module, "RETRY_SECONDS", 0.2)
    port, clock = free_port(), SystemClock()
    config = AlertingConfig.model_validate(
        {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]}
    )
    outside = ExternalSink(config, {"site": "lab"}, clock, AlertMetrics(CollectorRegistry()))
    outside.start()
    try:
        now_ms = clock.now_ms()
        alerts = [
            Alert(Labels({"alertname": f"A{i}", "severity": "page"}), {"summary": f"{i}"}, now_ms)
            for i in range(1_200)
        ]
        outside.emit(alerts)
        process = begin(port)
        eventually(lambda: len(held(port)) == len(alerts))
        one = held(port)["A7"]
        assert one["labels"] == {"alertname": "A7", "severity": "page", "site": "lab"}
        assert one["annotations"] == {"summary": "7"}
        outside.emit([replace(alert, ends_at_ms=clock.now_ms()) for alert in alerts[1:]])
        eventually(lambda: list(held(port)) == ["A0"])
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        outside.emit([replace(alerts[0], labels=Labels({"alertname": "Later"}))])
        begin(port)
        eventually(lambda: "Later" in held(port))
    finally:
        outside.close()
