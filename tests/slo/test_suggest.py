"""Suggestions from the real store: errors by code, latency by buckets, as a specification."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.model.clock import ManualClock
from collector.model.errors import InputError
from collector.model.labels import Labels
from collector.query.parser import parse_selector
from collector.store.tsdb import Tsdb
from slo.api_suggest import router
from slo.backtest import Source
from slo.specs import objectives_of
from slo.suggest import TARGETS, suggest
from slo.suggest_text import suggestions_yaml

START = 1_700_000_000_000
MINUTE = 60_000
MINUTES = 240
SECONDS = "http_seconds"


@pytest.fixture
def source(tmp_path: Path):
    """Two of a thousand requests fail; of a thousand, 960 take 0.1 s, 995 0.5 s and all 2 s."""
    end_ms = START + MINUTES * MINUTE
    store = Tsdb.open(tmp_path / "store", ManualClock(end_ms))
    rates = {
        Labels.of("http_requests_total", job="my shop", code="200"): 998.0,
        Labels.of("http_requests_total", job="my shop", code="503"): 2.0,
        **{
            Labels.of(f"{SECONDS}_bucket", job="my shop", le=le): count
            for le, count in (("0.1", 960.0), ("0.5", 995.0), ("2", 1000.0), ("+Inf", 1000.0))
        },
        Labels.of(f"{SECONDS}_count", job="my shop"): 1000.0,
        Labels.of("queue_length", job="my shop"): 0.0,
    }
    refs = store.refs("x", list(rates))
    for minute in range(MINUTES):
        values = np.array(list(rates.values())) * minute
        store.append_row("x", START + minute * MINUTE, refs, values)
    yield Source(store, store.counter_totals, None)
    store.close()


def found_for(source: Source, selector: str):
    end_ms = START + MINUTES * MINUTE - 1
    return suggest(parse_selector(selector), source, START, end_ms, MINUTE)


def test_errors_are_told_by_the_label_of_codes(source: Source) -> None:
    (found,) = found_for(source, "http_requests_total")
    assert [one.objective.target for one in found.tried] == list(TARGETS)
    assert found.chosen.objective.target == Fraction("0.995")
    assert found.chosen.spent_ratio == pytest.approx(0.4)
    assert found.chosen.pages == 0
    assert found.tried[0].pages > 0
    assert found.chosen.objective.service == "my-shop"


def test_latency_is_asked_at_the_bounds_that_most_events_keep(source: Source) -> None:
    found = found_for(source, SECONDS)
    proposed = {one.chosen.objective.name: one.chosen.objective.target for one in found}
    assert proposed == {
        "latency-0.1s": Fraction("0.95"),
        "latency-0.5s": Fraction("0.995"),
        "latency-2s": Fraction("0.9999"),
    }


def test_all_metrics_of_a_job_are_one_specification_that_is_read_back(source: Source) -> None:
    found = found_for(source, '{job="my shop"}')
    text = suggestions_yaml(found, "a title")
    assert text.startswith("# a title\n")
    assert "99.5%           0        0        40.0%  <- proposed" in text
    assert "under: 500ms" in text
    read = objectives_of(text, "suggested")
    assert [(one.name, one.target, one.indicator.bad) for one in read] == [
        (one.chosen.objective.name, one.chosen.objective.target, one.chosen.objective.indicator.bad)
        for one in found
    ]


@pytest.mark.parametrize(
    ("selector", "words"),
    [("nothing_total", "no series"), ("queue_length", "no label tells errors")],
)
def test_what_offers_nothing_is_told(source: Source, selector: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        found_for(source, selector)


def test_suggestions_come_over_http(source: Source) -> None:
    end_ms = START + MINUTES * MINUTE - 1
    app = FastAPI()
    app.include_router(router(source, ManualClock(end_ms)))
    client = TestClient(app)
    path = "/api/tocsin/v1/slos/suggest"
    asked = {"selector": "http_requests_total", "start_ms": START}
    found = client.get(path, params=asked).json()
    assert [one["objective"] for one in found["tried"] if one["proposed"]] == [0.995]
    assert objectives_of(found["spec"], "suggested")[0].target == Fraction("0.995")
    for wrong in ({"selector": "http{"}, {"selector": "none"}, {**asked, "tick": "soon"}):
        assert client.get(path, params=wrong).status_code == 400
