import importlib
import threading

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.api import active_queries, queries
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.query.engine import Engine

MemoryStore = importlib.import_module("tests.oracles.memory_store").MemoryStore


class SlowStore(MemoryStore):  # type: ignore[misc, valid-type]
    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go = threading.Event(), threading.Event()
        self.add(Labels.of("x"), [1000], [1.0])

    def select(self, *given: object) -> object:
        self.reached.set()
        assert self.go.wait(20)
        return super().select(*given)


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
def client(store: SlowStore) -> TestClient:
    engine, app = Engine(store), FastAPI()
    app.include_router(active_queries.router(engine.active))
    app.include_router(queries.router(engine, store.exemplars, ManualClock(1000)))
    return TestClient(app)


def test_a_query_that_runs_is_shown_and_ended(store: SlowStore, client: TestClient) -> None:
    answers = []
    asking = threading.Thread(
        target=lambda: answers.append(client.get("/api/v1/query?query=sum(x)&time=1"))
    )
    asking.start()
    assert store.reached.wait(20)
    (running,) = client.get("/api/tocsin/v1/queries").json()
    assert (running["query"], running["state"], running["start_ms"]) == ("sum(x)", "running", 1000)
    assert client.delete(f"/api/tocsin/v1/queries/{running['id']}").status_code == 204
    store.go.set()
    asking.join(20)
    assert answers[0].status_code == 499
    assert answers[0].json()["errorType"] == "canceled"
    assert client.get("/api/tocsin/v1/queries").json() == []


def test_there_is_nothing_to_end_of_an_unknown_id(client: TestClient) -> None:
    assert client.delete("/api/tocsin/v1/queries/99").status_code == 404


def test_the_plan_comes_when_it_is_asked_for(store: SlowStore, client: TestClient) -> None:
    store.go.set()
    plain = client.get("/api/v1/query?query=sum(x)&time=1").json()["data"]
    assert "explain" not in plain
    told = client.get("/api/v1/query?query=sum(x)/sum(x)&time=1&explain=1").json()["data"]
    assert told["result"] == [{"metric": {}, "value": [1, "1"]}]
    (division,) = told["explain"]["children"]
    first, second = division["children"]
    assert (first["samples"], first["runs"]) == (1, 1)
    assert second["children"][0]["runs"] == 0
