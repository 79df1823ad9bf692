"""The routes say what the engine says, in JSON without NaN."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.deploy import Deploy
from collector.model.labels import Labels
from slo.api import router
from slo.config import SloConfig
from slo.evaluate import SloEngine
from slo.lint.interface import Facts
from slo.self_metrics import SloMetrics
from slo.specs import objectives_of

NOW = 1_700_000_000_000
TICK = 15_000


class Deaf:
    def emit(self, alerts) -> None:
        pass


@pytest.fixture
def engine_of_client(tmp_path, new_store, objective) -> SloEngine:
    store, clock = new_store(), ManualClock(NOW)
    objectives = [objective(), objective("calm", bad='requests_total{code="none"}')]
    metrics = SloMetrics(CollectorRegistry())
    engine = SloEngine(objectives, store, store, Deaf(), clock, tmp_path, SloConfig(), metrics)
    for tick in range(100):
        counts = {"200": 90 * tick, "500": 10 * tick}
        values = {Labels.of("requests_total", code=code): v for code, v in counts.items()}
        store.scrape("shop", clock.now_ms(), values)
        engine.tick(clock.now_ms())
        clock.advance(TICK)
    return engine


@pytest.fixture
def client(engine_of_client: SloEngine) -> TestClient:
    app = FastAPI()
    app.include_router(router(engine_of_client, ManualClock(NOW + 100 * TICK)))
    return TestClient(app)


def test_the_list_begins_with_the_least_budget(client: TestClient) -> None:
    slos = client.get("/api/tocsin/v1/slos").json()["slos"]
    assert [one["id"] for one in slos] == ["shop/availability", "shop/calm"]
    assert slos[0]["state"] == "burning"
    assert slos[0]["budget"]["bad"] == 990
    assert slos[0]["budget"]["total"] == 9900
    assert slos[0]["tiers"][0]["is_burning"] is True
    assert "page" in slos[0]["firing_since_ms"]
    assert slos[1]["budget"]["left_ratio"] == 1.0


def test_the_list_can_be_narrowed(client: TestClient) -> None:
    calm = client.get("/api/tocsin/v1/slos", params={"state": "ok"}).json()["slos"]
    assert [one["slo"] for one in calm] == ["calm"]
    assert not client.get("/api/tocsin/v1/slos", params={"service": "x"}).json()["slos"]


def test_one_objective_or_none(client: TestClient) -> None:
    assert client.get("/api/tocsin/v1/slos/shop/calm").json()["slo"] == "calm"
    missing = client.get("/api/tocsin/v1/slos/shop/nothing")
    assert missing.status_code == 404
    assert "lists them" in missing.json()["detail"]


def test_history_counts_every_event_once(client: TestClient) -> None:
    path = "/api/tocsin/v1/slos/shop/availability/history"
    body = client.get(path, params={"step": "1m"}).json()
    assert sum(body["bad"]) == 990
    assert len(body["times_ms"]) == len(body["budget_left_ratio"]) == len(body["burn_rates"]["1h"])
    assert client.get(path, params={"step": "soon"}).status_code == 400
    assert client.get(path, params={"start_ms": 0, "step": "1ms"}).status_code == 400


def test_rules_come_as_yaml(client: TestClient) -> None:
    answer = client.get("/api/tocsin/v1/slos/rules")
    assert answer.headers["content-type"].startswith("application/yaml")
    assert answer.text.startswith("groups:")


def test_a_specification_is_checked_with_what_the_store_has(client) -> None:
    text = (
        "version: tocsin/v1\nservice: shop\nobjective: 99.9%\n"
        'bad: requests_total{code="500"}\ntotal: orders_total\n---\nversion: tocsin/v1\n'
    )
    answer = client.post("/api/tocsin/v1/slos/check", content=text).json()
    rules = {(one["rule"], one["level"]) for one in answer["findings"]}
    assert answer["objectives"] == 1
    assert ("spec", "error") in rules
    assert ("matches-nothing", "warning") in rules
    assert client.post("/api/tocsin/v1/slos/check", content="x" * 2_000_000).status_code == 413


def test_a_check_knows_the_configuration(client, engine_of_client) -> None:
    text = (
        "version: tocsin/v1\nservice: shop\nobjective: 99.9%\nwindow: 90d\n"
        'bad: requests_total{code="500"}\ntotal: requests_total\n'
    )
    known = Facts(scrape_interval_ms=4 * 60_000, retention_ms=30 * 86_400_000)
    app = FastAPI()
    app.include_router(router(engine_of_client, ManualClock(NOW), lambda: known))
    answer = TestClient(app).post("/api/tocsin/v1/slos/check", content=text).json()
    assert {"retention", "short-window"} <= {one["rule"] for one in answer["findings"]}
    plain = client.post("/api/tocsin/v1/slos/check", content=text).json()
    assert not {"retention", "short-window"} & {one["rule"] for one in plain["findings"]}


def test_the_gate_answers_pipelines_by_its_status(client) -> None:
    answer = client.get("/api/tocsin/v1/slos/gate", params={"service": "shop"})
    assert answer.status_code == (200 if answer.json()["open"] else 409)
    assert client.get("/api/tocsin/v1/slos/gate", params={"service": "x"}).status_code == 404


def test_attribution_names_the_values_of_labels(client) -> None:
    answer = client.get("/api/tocsin/v1/slos/shop/availability/attribution?window=1h")
    assert answer.status_code == 200
    assert {one["label"] for one in answer.json()["shares"]} <= {"code", "instance"}
    assert client.get("/api/tocsin/v1/slos/shop/none/attribution").status_code == 404
    wrong = client.get("/api/tocsin/v1/slos/shop/availability/attribution?window=soon")
    assert wrong.status_code == 400


def test_a_correction_by_the_api_and_back(client) -> None:
    path = "/api/tocsin/v1/slos/corrections"
    one = "/api/tocsin/v1/slos/shop/availability"
    before = client.get(one).json()["budget"]
    assert before["raw"]["bad"] == before["bad"] == 990
    assert before["excluded_ratio"] == 0.0
    body = {
        "slo": "shop/availability",
        "start_ms": NOW + 10 * TICK,
        "end_ms": NOW + 30 * TICK,
        "author": "ann",
        "reason": "a load test",
    }
    answer = client.post(path, json=body)
    assert answer.status_code == 201
    made = answer.json()
    assert made["objectives"] == ["shop/availability"]
    assert made["taken"]["shop/availability"] == {"bad": 200, "total": 2000, "exact": True}
    budget = client.get(one).json()["budget"]
    assert (budget["bad"], budget["total"]) == (790, 7900)
    assert (budget["raw"]["bad"], budget["raw"]["total"]) == (990, 9900)
    assert budget["raw"]["left_ratio"] == before["left_ratio"]
    assert budget["excluded_ratio"] > 0
    span = {"start_ms": NOW, "end_ms": NOW + 99 * TICK, "step": "15s"}
    assert sum(client.get(f"{one}/history", params=span).json()["bad"]) == 790
    raw = client.get(f"{one}/history", params={**span, "raw": True}).json()
    assert sum(raw["bad"]) == 990
    act = {"author": "bob", "reason": "it was none"}
    revoked = client.delete(f"{path}/{made['id']}", params=act).json()
    assert revoked["revoked"]["author"] == "bob"
    after = client.get(one).json()["budget"]
    coverages = after.pop("coverage_ratio"), before.pop("coverage_ratio")
    assert coverages[0] >= coverages[1]  # the clock went on
    assert after == before
    [listed] = client.get(path).json()["corrections"]
    assert listed["made"]["reason"] == "a load test"
    assert listed["revoked"]["reason"] == "it was none"


def test_corrections_that_can_not_be(client) -> None:
    path = "/api/tocsin/v1/slos/corrections"
    body = {"start_ms": 0, "end_ms": 1, "author": "ann", "reason": "why"}
    assert client.post(path, json=body).status_code == 400
    assert client.post(path, json={**body, "slo": "shop/none"}).status_code == 400
    assert client.post(path, json={**body, "slo": "*", "author": ""}).status_code == 400
    assert client.post(path, json={**body, "slo": "*", "colour": "red"}).status_code == 422
    assert client.delete(f"{path}/c9", params={"author": "a", "reason": "b"}).status_code == 400
    assert client.delete(f"{path}/c9").status_code == 422
    assert client.get(path).json() == {"corrections": []}


def test_attribution_names_what_was_deployed_before_the_burn(engine_of_client) -> None:
    class Log:
        def between(self, after_ms: int, until_ms: int, service: str = "") -> list[Deploy]:
            found = [Deploy("d1", "shop", "1.4.2", NOW - 60_000, "https://ci.example.org/7")]
            return [one for one in found if after_ms < one.at_ms <= until_ms]

    app = FastAPI()
    app.include_router(router(engine_of_client, ManualClock(NOW + 100 * TICK), deploys=Log()))
    path = "/api/tocsin/v1/slos/shop/{}/attribution?window=1h"
    found = TestClient(app).get(path.format("availability")).json()
    assert abs(found["burn_began_ms"] - NOW) <= 60_000
    assert [one["version"] for one in found["deploys"]] == ["1.4.2"]
    calm = TestClient(app).get(path.format("calm")).json()
    assert (calm["burn_began_ms"], calm["deploys"]) == (None, [])


def test_composites_tell_their_parts_and_parts_their_composites(tmp_path, new_store) -> None:
    spec = """version: tocsin/v1
service: shop
slos:
  - {name: a, objective: 99%, bad: a_failed_total, total: a_total}
  - {name: b, objective: 99%, bad: b_failed_total, total: b_total, group_by: [tenant]}
  - {name: whole, objective: 99%, all_of: [a, b]}
"""
    store, clock = new_store(), ManualClock(NOW)
    metrics = SloMetrics(CollectorRegistry())
    found = objectives_of(spec, "spec")
    engine = SloEngine(found, store, store, Deaf(), clock, tmp_path, SloConfig(), metrics)
    engine.tick(NOW)
    app = FastAPI()
    app.include_router(router(engine, clock))
    listed = {s["id"]: s for s in TestClient(app).get("/api/tocsin/v1/slos").json()["slos"]}
    assert listed["shop/a"]["composite"] is None
    assert listed["shop/a"]["part_of"] == ["shop/whole"]
    assert listed["shop/whole"]["composite"] == {
        "combination": "all_of",
        "text": "all of shop/a, shop/b",
        "slice": "1m",
        "parts": [
            {"id": "shop/a", "weight": 1, "state": "no-data", "left_ratio": 1.0},
            {"id": "shop/b", "weight": 1, "state": None, "left_ratio": None},
        ],
    }
    assert TestClient(app).get("/api/tocsin/v1/slos/shop/whole").json() == listed["shop/whole"]


def test_the_budget_and_burn_alone_are_those_of_the_whole(client: TestClient) -> None:
    one = "/api/tocsin/v1/slos/shop/availability"
    whole = client.get(one).json()
    assert client.get(f"{one}/budget").json() == whole["budget"]
    burn = client.get(f"{one}/burn").json()
    assert burn == {name: whole[name] for name in ("at_ms", "burn_rates", "tiers")}
    for name in ("budget", "burn"):
        assert client.get(f"/api/tocsin/v1/slos/shop/none/{name}").status_code == 404


def test_the_schema_comes_over_http(client: TestClient) -> None:
    found = client.get("/api/tocsin/v1/slos/schema").json()
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
