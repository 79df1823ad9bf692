"""The metrics about alerting are what promtool accepts, and they count."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from alerts.self_metrics import AlertMetrics
from collector.model import Alert, Labels, ManualClock


@pytest.mark.peer
def test_promtool_finds_nothing(binary: Callable[[str], str]) -> None:
    registry = CollectorRegistry()
    AlertMetrics(registry)
    run = subprocess.run(
        [binary("promtool"), "check", "metrics"],
        input=generate_latest(registry),
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_alerts_and_groups_are_counted(make_service: Any, clock: ManualClock) -> None:
    service = make_service({"route": {"receiver": "r"}, "receivers": [{"name": "r"}]})
    service.emit([Alert(Labels({"alertname": "X"}))])
    service.step()
    metrics = service.metrics
    assert metrics.held.labels("firing")._value.get() == 1
    assert metrics.groups._value.get() == 1
    assert metrics.received.labels("firing")._value.get() == 1
