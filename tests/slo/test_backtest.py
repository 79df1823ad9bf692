"""Backtests over the real store: groups, sampled indicators, births, and the route."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.model.clock import ManualClock
from collector.model.errors import InputError, LimitError
from collector.model.labels import Labels
from collector.query.engine import Engine
from collector.store.tsdb import Tsdb
from slo.api_backtest import router
from slo.backtest import Source, backtest
from slo.config import SloConfig
from slo.specs import objectives_of
from slo.window import DAY_MS

START = 1_700_000_000_000 // DAY_MS * DAY_MS
MINUTE = 60_000
HOURS = 8
SPEC = """
version: tocsin/v1
service: shop
objective: 99.9%
bad: http_requests_total{code=~"5.."}
total: http_requests_total
"""
LOOKED_AT = """
version: tocsin/v1
service: shop
name: queue
objective: 99%
look_at: {query: queue_length, good_when: "< 100"}
"""


@pytest.fixture
def source(tmp_path: Path):
    """Eight hours; in the third, tenant b's `code="500"` is born and counts 20 %."""
    store = Tsdb.open(tmp_path / "store", ManualClock(START + HOURS * 60 * MINUTE))
    labels = [
        *(Labels.of("http_requests_total", job="x", tenant=t, code="200") for t in "ab"),
        Labels.of("queue_length", job="x"),
    ]
    born = [*labels, Labels.of("http_requests_total", job="x", tenant="b", code="500")]
    refs, more = store.refs("x", labels), None
    for minute in range(HOURS * 60):
        values = [1000.0 * minute, 1000.0 * minute, 500.0 if 120 <= minute < 180 else 3.0]
        if minute >= 120:
            more = store.refs("x", born) if more is None else more
            values.append(250.0 * (min(minute, 180) - 119))
        now_refs = refs if more is None else more
        store.append_row("x", START + minute * MINUTE, now_refs, np.array(values))
    yield Source(store, store.counter_totals, Engine(store))
    store.close()


def run(source: Source, spec: str, **more):
    end = START + HOURS * 60 * MINUTE - 1
    return list(backtest(objectives_of(spec, "x"), source, START, end, MINUTE, **more))


def test_an_outage_pages_once_and_its_events_are_counted_to_the_last(source: Source) -> None:
    (found,) = run(source, SPEC)
    page = found.of("page")
    assert len(page) == 1
    assert START + 120 * MINUTE < page[0].begins_ms < START + 130 * MINUTE
    assert page[0].ends_ms is not None
    assert START + 180 * MINUTE < page[0].ends_ms < START + 190 * MINUTE
    assert found.bad == 250.0 * 61
    assert found.total == 2 * 1000.0 * 479 + 250.0 * 61
    assert sum(day.bad for day in found.days) == found.bad
    assert found.days[-1].left_ratio == found.left_ratio


def test_without_running_totals_a_series_is_born_where_its_source_was_read_before(
    source: Source,
) -> None:
    remote = Source(source.querier, None, source.engine)
    assert run(remote, SPEC)[0].sent == run(source, SPEC)[0].sent
    assert run(remote, SPEC)[0].bad == 250.0 * 61


def test_each_group_has_a_replay(source: Source) -> None:
    found = run(source, f"{SPEC}group_by: [tenant]\n")
    pages = {one.objective.title: len(one.of("page")) for one in found}
    assert pages == {'availability{tenant="a"}': 0, 'availability{tenant="b"}': 1}


def test_what_is_looked_at_is_asked_at_its_times(source: Source) -> None:
    (found,) = run(source, LOOKED_AT)
    assert (found.bad, found.total) == (60, HOURS * 60 - 1)
    page = found.of("page")[0]
    assert START + 120 * MINUTE < page.begins_ms < START + 130 * MINUTE


def test_a_stretch_that_can_not_be_is_refused(source: Source) -> None:
    one = objectives_of(SPEC, "x")
    with pytest.raises(InputError, match="before it begins"):
        list(backtest(one, source, START, START - 1, MINUTE))
    with pytest.raises(LimitError, match="ticks"):
        list(backtest(one, source, START, START + 300 * DAY_MS, 15_000))
    assert not list(backtest([], source, START, START + 1, MINUTE))


def test_the_route_tells_of_alerts_days_and_incidents(source: Source) -> None:
    app = FastAPI()
    app.include_router(router(source, lambda: SloConfig.model_validate({"tick": "1m"})))
    end_ms = START + HOURS * 60 * MINUTE - 1
    incidents = [
        {"name": "b down", "start_ms": START + 120 * MINUTE, "end_ms": START + 180 * MINUTE},
        {"name": "unseen", "start_ms": START + 400 * MINUTE, "end_ms": START + 410 * MINUTE},
    ]
    ask = {"spec": SPEC, "start_ms": START, "end_ms": end_ms, "incidents": incidents}
    with TestClient(app) as client:
        found = client.post("/api/tocsin/v1/slos/backtest", json=ask).json()
        wrong = client.post("/api/tocsin/v1/slos/backtest", json={**ask, "spec": "a: 1"})
        unknown = client.post("/api/tocsin/v1/slos/backtest", json={"sepc": ""})
    (slo,) = found["slos"]
    assert found["tick"] == "1m"
    assert [one["is_false"] for one in slo["sent"]] == [False] * len(slo["sent"])
    assert 0 < slo["incidents"][0]["page_seconds"] <= 600
    assert slo["incidents"][1]["page_seconds"] is None
    assert slo["bad"] == 250 * 61
    assert wrong.status_code == 400
    assert "apiVersion" in wrong.text
    assert unknown.status_code == 400
