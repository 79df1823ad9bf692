"""Corrections and backtests by form: made, shown, taken back; refused with a reason."""

from __future__ import annotations

import html
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from alerts.config import AlertsConfig
from alerts.service import AlertService
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.query.engine import Engine
from collector.store.tsdb import Tsdb
from slo.backtest import Source
from slo.config import SloConfig
from slo.evaluate import SloEngine
from slo.self_metrics import SloMetrics
from tocsin.web.router import web_router
from tocsin.web.slo_forms import MAX_FORM_BYTES

NOW = 1_700_000_000_000
MINUTE = 60_000
make_objective = importlib.import_module("tests.slo.conftest").make_objective


class Deaf:
    def emit(self, alerts) -> None:
        pass


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Four hours at ten requests a second; of the third, one in ten fails."""
    clock = ManualClock(NOW)
    store = Tsdb.open(tmp_path / "store", clock)
    queries = Engine(store)
    slos = SloEngine(
        [make_objective()],
        store,
        store,
        Deaf(),
        clock,
        tmp_path / "slo",
        SloConfig(),
        SloMetrics(CollectorRegistry()),
        queries,
    )
    refs = store.refs("shop", [Labels.of("requests_total", code=code) for code in ("200", "500")])
    good = bad = 0.0
    for minute in range(241):
        failing = 120 <= minute < 180
        good, bad = good + (540 if failing else 600), bad + (60 if failing else 0)
        store.append_row("shop", clock.now_ms(), refs, np.array([good, bad]))
        slos.tick(clock.now_ms())
        clock.advance(MINUTE)
    alerts = AlertService(AlertsConfig(), tmp_path / "a.sqlite", clock, CollectorRegistry())
    parts = SimpleNamespace(
        alerts=alerts,
        clock=clock,
        slos=slos,
        past=Source(store, store.counter_totals, queries, slos.corrections.in_force),
        config=SimpleNamespace(slos=SloConfig()),
    )
    app = FastAPI()
    app.include_router(web_router(parts))  # type: ignore[arg-type]
    yield TestClient(app, follow_redirects=False)
    alerts.close()
    slos.close()
    store.close()


CORRECTION = {
    "slo": "shop/availability",
    "from": "2h1m",
    "to": "1h",
    "author": "<b>ann</b>",
    "reason": "a load test",
}


def test_time_is_left_out_by_form_and_taken_back(client: TestClient) -> None:
    empty = client.get("/slos/corrections?slo=shop/availability").text
    assert "None were ever made" in empty
    assert 'value="shop/availability"' in empty
    answer = client.post("/slos/corrections", data=CORRECTION)
    assert (answer.status_code, answer.headers["location"]) == (303, "/slos/corrections")
    page = client.get("/slos/corrections").text
    assert "&lt;b&gt;ann&lt;/b&gt;" in page
    assert "3,540 bad of 36,600" in page
    id_ = html.unescape(page.partition('name="id" value="')[2].partition('"')[0])
    act = {"id": id_, "author": "bob", "reason": "it was none"}
    assert client.post("/slos/corrections/revoke", data=act).status_code == 303
    page = client.get("/slos/corrections").text
    assert "taken back by bob: it was none" in page
    assert 'name="id"' not in page
    again = client.post("/slos/corrections/revoke", data=act)
    assert again.status_code == 400


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("author", " ", "the field &#39;author&#39; is empty"),
        ("from", "whenever", "from"),
        ("slo", "", "no objective is named"),
        ("slo", "shop/none", "no objective fits"),
        ("to", "9h", "That did not work"),
    ],
)
def test_a_wrong_correction_is_refused(client: TestClient, field, value, told) -> None:
    answer = client.post("/slos/corrections", data={**CORRECTION, field: value})
    assert answer.status_code == 400
    assert told in answer.text
    assert "None were ever made" in client.get("/slos/corrections").text


def test_an_objective_is_replayed_by_form(client: TestClient) -> None:
    page = client.get("/slos/backtest?slo=shop/availability").text
    spec = html.unescape(page.partition("required>")[2].partition("</textarea>")[0])
    assert "requests_total" in spec
    answer = client.post("/slos/backtest", data={"spec": spec, "from": "4h", "tick": "1m"})
    assert answer.status_code == 200
    assert "would have woken somebody" in answer.text
    assert answer.text.count('data-label="Begins"') >= 1
    assert answer.text.count("<svg") == 2  # the brand's, and the budget's course over two days
    assert "data-still" in answer.text


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"spec": ""}, "the field &#39;spec&#39; is empty"),
        ({"spec": "version: tocsin/v1"}, "service is missing"),
        ({"spec": "a", "from": "soon"}, "from"),
        ({"tick": "often"}, "not a valid duration"),
        ({"from": "10y", "tick": "1s"}, "ticks"),
    ],
)
def test_a_wrong_backtest_is_refused(client: TestClient, form, told) -> None:
    page = client.get("/slos/backtest?slo=shop/availability").text
    spec = html.unescape(page.partition("required>")[2].partition("</textarea>")[0])
    answer = client.post("/slos/backtest", data={"spec": spec, **form})
    assert answer.status_code == 400
    assert told in answer.text


def test_a_form_is_not_read_past_its_limit(client: TestClient) -> None:
    for path in ("corrections", "corrections/revoke", "backtest"):
        answer = client.post(f"/slos/{path}", content=b"a" * (MAX_FORM_BYTES + 1))
        assert answer.status_code == 400
        assert "too large" in answer.text
