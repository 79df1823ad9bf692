"""From the configuration to the page: rules are evaluated, shown, told, and reloaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.model.clock import ManualClock
from tocsin.config import Config, load_config
from tocsin.lifecycle import Lifecycle
from tocsin.routers import build_application
from tocsin.wiring import Parts, build

NOW_MS = 1_700_000_000_000
RULES = """
groups:
- name: g
  rules:
  - {record: one, expr: vector(1)}
  - {alert: Always, expr: one == 1, labels: {severity: page}, annotations: {v: '{{ $value }}'}}
"""


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "tocsin.yaml").write_text(
        "global: {evaluation_interval: 30s, external_labels: {site: here}}\n"
        "rule_files: [rules.yml]\n"
    )
    made = build(load(tmp_path), tmp_path / "data", ManualClock(NOW_MS), "http://t.example")
    yield made
    made.rules.stop()
    made.alerts.close()
    made.logs.store.close()
    made.store.close()


def load(directory: Path) -> Config:
    return load_config(directory / "tocsin.yaml", {})


@pytest.fixture
def app(parts: Parts, tmp_path: Path) -> FastAPI:
    return build_application(parts, Lifecycle(parts, lambda: load(tmp_path)))


def test_what_is_evaluated_is_shown_stored_and_told(parts: Parts, app: FastAPI) -> None:
    client = TestClient(app, base_url="http://127.0.0.1:9900")
    for _ in range(3):
        parts.rules.evaluate(NOW_MS)
    (group,) = client.get("/api/v1/rules").json()["data"]["groups"]
    assert (group["name"], group["interval"]) == ("g", 30)
    assert [rule["health"] for rule in group["rules"]] == ["ok", "ok"]
    (active,) = client.get("/api/v1/alerts").json()["data"]["alerts"]
    assert active["labels"] == {"alertname": "Always", "severity": "page"}
    (told,) = client.get("/api/v2/alerts").json()
    assert told["labels"] == {"alertname": "Always", "severity": "page", "site": "here"}
    assert told["annotations"] == {"v": "1"}
    query = {"query": "ALERTS", "time": str(NOW_MS / 1000)}
    (series,) = client.get("/api/v1/query", params=query).json()["data"]["result"]
    assert series["metric"]["alertstate"] == "firing"


def test_a_reload_reads_the_rule_files_again(parts: Parts, app: FastAPI, tmp_path: Path) -> None:
    process = Lifecycle(parts, lambda: load(tmp_path))
    (tmp_path / "rules.yml").write_text(RULES.replace("record: one", "record: two"))
    process.reload()
    assert parts.rules.groups()[0].rules[0].name == "two"
