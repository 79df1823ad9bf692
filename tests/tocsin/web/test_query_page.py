"""The query page over a real store: values, graphs, plans, and what is told when there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.query.engine import Engine, EngineOptions
from collector.query.explanation import PlanStep
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb
from tocsin.deploy_log import DeployLog
from tocsin.web.query_results import (
    NAME_CHARACTERS,
    PLAN_STEPS_SHOWN,
    SERIES_DRAWN,
    plan_rows,
    short_names,
)
from tocsin.web.router import web_router

NOW_MS = 1_700_000_000_000
PODS = SERIES_DRAWN + 3


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    clock = ManualClock(NOW_MS)
    registry = CollectorRegistry()
    directory: Path = tmp_path_factory.mktemp("store")
    store = Tsdb.open(directory, clock, StoreOptions(), registry)
    series = [Labels.of("jobs_waiting", pod=f"<p{number}>", zone="a") for number in range(PODS)]
    refs = store.refs("test", series)
    for minute in range(10, -1, -1):
        values = np.arange(PODS, dtype=np.float64) * (10 - minute)
        store.append_row("test", NOW_MS - minute * 60_000, refs, values)
    engine = Engine(store, EngineOptions(), clock, registry)
    deploys = DeployLog(directory)
    deploys.add("shop", "1.4.2", NOW_MS - 120_000)
    alerts = SimpleNamespace(alerts=list, on_call=MagicMock())
    parts = SimpleNamespace(engine=engine, clock=clock, alerts=alerts, deploys=deploys)
    app = FastAPI()
    app.include_router(web_router(parts))  # type: ignore[arg-type]
    yield TestClient(app)
    store.close()


def page(client: TestClient, expr: str, tab: str = "1", **more: str) -> str:
    fields = {f"g0.{name}": text for name, text in more.items()}
    answer = client.get("/graph", params={"g0.expr": expr, "g0.tab": tab, **fields})
    assert answer.status_code == 200
    return str(answer.text)


def test_an_empty_page_asks_and_offers_names(client: TestClient) -> None:
    text = client.get("/graph").text
    assert '<option value="jobs_waiting">' in text
    assert "Write an expression" in text


def test_the_link_of_an_alert_shows_the_values_of_its_expression(client: TestClient) -> None:
    text = page(client, 'jobs_waiting{pod="<p2>"} > 1')
    assert "jobs_waiting{pod=&#34;&lt;p2&gt;&#34;, zone=&#34;a&#34;}" in text
    assert "<code>20</code>" in text
    assert "1 series" in text
    assert "samples read" in text


def test_a_table_may_be_of_another_time(client: TestClient) -> None:
    text = page(client, "max(jobs_waiting)", moment_input="2023-11-14 22:08:20")
    assert f"<code>{(PODS - 1) * 5}</code>" in text
    assert "at 2023-11-14 22:08:20 UTC" in text


@pytest.mark.parametrize(
    ("expr", "shown"),
    [
        ("1 + 1", "<code>2</code>"),
        ('"a<b"', "a&lt;b"),
        ('jobs_waiting{pod="<p1>"}[2m]', "9 @ 1699999940.000<br>10 @ 1700000000.000"),
        ("jobs_waiting > 1e9", "Nothing has a value"),
    ],
)
def test_every_kind_of_value_has_a_table(client: TestClient, expr: str, shown: str) -> None:
    assert shown in page(client, expr)


def test_a_graph_draws_the_highest_and_counts_the_others(client: TestClient) -> None:
    text = page(client, "jobs_waiting", "0", range_input="10m")
    assert text.count('class="key series-') >= SERIES_DRAWN
    assert text.count('<td class="keyed">') == SERIES_DRAWN
    assert f"{PODS - SERIES_DRAWN} more series are not drawn" in text
    assert text.index(f"p{PODS - 1}&gt;") < text.index(f"p{PODS - 2}&gt;")
    assert "&lt;p0&gt;" not in text


def test_a_graph_marks_what_was_deployed(client: TestClient) -> None:
    shown = page(client, "jobs_waiting", "0", range_input="10m")
    assert "<title>shop 1.4.2 deployed 2023-11-14 22:11:20 UTC</title>" in shown


def test_a_graph_without_values_says_so(client: TestClient) -> None:
    assert "No data in this range" in page(client, "jobs_waiting > 1e9", "0")


def test_a_plan_names_its_operators(client: TestClient) -> None:
    text = page(client, "sum(jobs_waiting)", "explain")
    assert "<th>Operator</th>" in text
    assert "jobs_waiting" in text.partition("<tbody>")[2]


def test_operators_that_a_page_does_not_hold_are_counted() -> None:
    plan = PlanStep("sum", children=[PlanStep("one") for _ in range(PLAN_STEPS_SHOWN + 4)])
    rows, more = plan_rows(plan)
    assert (len(rows), more) == (PLAN_STEPS_SHOWN, 5)


def test_a_wrong_query_is_told_with_its_place(client: TestClient) -> None:
    text = page(client, "sum(jobs_waiting")
    assert 'role="alert"' in text
    assert "parse error" in text
    assert "sum(jobs_waiting\n                ^</pre>" in text


@pytest.mark.parametrize(
    ("tab", "fields", "told"),
    [
        ("0", {"range_input": "soon"}, "not a valid duration"),
        ("0", {"range_input": "30d", "step_input": "1s"}, "more than 11,000"),
        ("0", {"end_input": "soon"}, "not a time"),
        ("1", {"moment_input": "<b>"}, "not a time: &#39;&lt;b&gt;&#39;"),
    ],
)
def test_a_wrong_field_is_told(
    client: TestClient, tab: str, fields: dict[str, str], told: str
) -> None:
    assert told in page(client, "jobs_waiting", tab, **fields)


def test_warnings_and_infos_of_the_engine_are_shown(client: TestClient) -> None:
    assert "might not be a counter" in page(client, "rate(jobs_waiting[5m])")


def test_a_query_of_several_lines_keeps_them(client: TestClient) -> None:
    text = page(client, "jobs_waiting # a comment\n+ 1")
    assert "<textarea" in text
    assert "# a comment\n+ 1</textarea>" in text


def test_a_query_can_not_leave_its_place_in_the_page(client: TestClient) -> None:
    text = page(client, '"><script>alert(1)</script>', range_input='"><script>')
    assert "<script>" not in text


def test_short_names_hold_what_tells_series_apart() -> None:
    two = [Labels.of("m", a="1", b="x"), Labels.of("m", a="2", b="x")]
    assert short_names(two) == ['a="1"', 'a="2"']
    assert short_names(two[:1]) == ['a="1", b="x"']
    assert short_names([]) == []
    (long,) = short_names([Labels.of("m", a="x" * 100)])
    assert len(long) == NAME_CHARACTERS
