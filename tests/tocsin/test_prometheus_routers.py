"""Every route of Prometheus's API over real parts: one envelope, whatever is asked."""

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.model.clock import ManualClock
from tocsin.config import load_config
from tocsin.lifecycle import Lifecycle
from tocsin.routers import build_application
from tocsin.wiring import build

NOW_MS = 1_700_000_000_000
DATE = "2023-11-14T22:13:20Z"
CONFIG = """
global: {external_labels: {site: lab}}
web: {enable_admin_api: true, cors_origin: "https://grafana[.]example"}
scrape_configs:
- job_name: shop
  basic_auth: {username: bob, password: hunter2}
  static_configs: [{targets: ["127.0.0.1:1"]}]
anomaly: {enabled: false}
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    directory: Path = tmp_path_factory.mktemp("routers")
    file = directory / "tocsin.yaml"
    file.write_text(CONFIG)
    config = load_config(file, {})
    parts = build(config, directory, ManualClock(NOW_MS), "http://127.0.0.1:9900")
    yield build_application(parts, Lifecycle(parts, lambda: load_config(file, {})))
    parts.alerts.close()
    parts.logs.store.close()
    parts.store.close()


@pytest.fixture(scope="module")
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1:9900", raise_server_exceptions=False)


def api_routes(app: FastAPI) -> list[tuple[str, str]]:
    return [
        (method.upper(), re.sub(r"\{\w+\}", "job", path))
        for path, operations in app.openapi()["paths"].items()
        for method in operations
        if path.startswith("/api/v1/") and "otlp" not in path and not path.endswith("/write")
    ]


def test_every_route_answers_in_the_envelope(app: FastAPI, client: TestClient) -> None:
    routes = api_routes(app)
    assert len(routes) > 35
    for method, path in routes:
        answer = client.request(method, path)
        assert answer.status_code in (200, 204, 400), (method, path, answer.text)
        if answer.status_code != 204:
            body = answer.json()
            assert body["status"] == ("success" if answer.status_code == 200 else "error"), path
            assert answer.headers["content-type"] == "application/json"
            assert not re.search(r'"detail"|: null\b', answer.text), (path, answer.text)


def test_operations_have_names_of_their_own(app: FastAPI) -> None:
    app.openapi_schema = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths: dict[str, Any] = app.openapi()["paths"]
    ids = [one["operationId"] for operations in paths.values() for one in operations.values()]
    assert len(ids) == len(set(ids))


def test_status_tells_what_is_set(client: TestClient) -> None:
    def ask(path: str) -> Any:
        return client.get(f"/api/v1/status/{path}").json()["data"]

    flags = ask("flags")
    assert flags["web.enable-admin-api"] == "true"
    assert flags["web.cors.origin"] == "https://grafana[.]example"
    assert flags["query.lookback-delta"] == "5m"
    assert "hunter2" not in ask("config")["yaml"]
    assert "password: <secret>" in ask("config")["yaml"]
    told = ask("runtimeinfo")
    assert (told["startTime"], told["serverTime"], told["storageRetention"]) == (DATE, DATE, "15d")


def test_a_reload_that_fails_shows_until_one_succeeds(app: FastAPI, client: TestClient) -> None:
    file = Path(client.get("/api/v1/status/flags").json()["data"]["config.file"])
    file.write_text("nonsense: 1")
    assert client.post("/-/reload").status_code == 500
    assert client.get("/api/v1/status/runtimeinfo").json()["data"]["reloadConfigSuccess"] is False
    assert len(client.get("/api/v1/notifications").json()["data"]) == 1
    file.write_text(CONFIG)
    assert client.post("/-/reload").status_code == 200
    assert client.get("/api/v1/notifications").json()["data"] == []


def test_only_the_sites_that_are_named_may_read(client: TestClient) -> None:
    def allowed(origin: str) -> str | None:
        answer = client.get("/api/v1/labels", headers={"origin": origin})
        return answer.headers.get("access-control-allow-origin")

    assert allowed("https://grafana.example") == "https://grafana.example"
    assert allowed("https://evil.example") is None


def test_series_are_deleted_by_programs_and_not_by_foreign_pages(client: TestClient) -> None:
    path = "/api/v1/admin/tsdb/delete_series?match[]=up"
    foreign = {"origin": "http://evil.example", "host": "evil.example"}
    assert client.post(path, headers=foreign).status_code == 403
    assert client.post(path).status_code == 204


def test_empty_results_are_lists(client: TestClient) -> None:
    for path in ("labels", "label/x/values", "series?match[]=x", "query?query=x&time=1"):
        data = client.get(f"/api/v1/{path}").json()["data"]
        assert json.dumps(data["result"] if isinstance(data, dict) else data) == "[]"
