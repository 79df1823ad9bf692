"""The boards' JSON: what Grafana's own types know, nothing else, and the same each time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from dashboards.board import Board, Column, Link, Panel, Query, Row, Threshold, ValueText, Variable
from dashboards.boards import all_boards
from dashboards.grafana import Datasource, dumps, to_grafana
from dashboards.grafana_options import PLUGINS
from slo.specs import objectives_of

GOLDEN = Path(__file__).parents[1] / "golden" / "dashboards"
SCHEMA = json.loads(Path(__file__).with_name("dashboard.schema.json").read_text())
SPEC = """
version: prometheus/v1
service: checkout
slos:
  - name: availability
    objective: 99.9
    description: Checkouts succeed.
    sli:
      events:
        error_query: sum(rate(http_requests_total{code=~"5.."}[{{.window}}]))
        total_query: sum(rate(http_requests_total[{{.window}}]))
    alerting:
      annotations:
        runbook_url: https://runbooks.example.org/checkout
"""
EVERY_KIND = Board(
    uid="every-kind",
    title="Every kind",
    description="One panel of each kind, with everything that a panel can say.",
    rows=(
        Row(
            "All",
            tuple(
                Panel(
                    kind,
                    kind,
                    f"A {kind}.",
                    (Query("up", "{{job}}"), Query("1", "limit", limit=True)),
                    thresholds=(Threshold(None, "good"), Threshold(0.5, "bad")),
                    minimum=0,
                    maximum=1.5,
                    decimals=2,
                    columns=(Column("A"), Column("B", "s", (Threshold(None, "good"),), bar=True)),
                    sort_by="A",
                    texts=(ValueText(1, "up", "good"),),
                    no_value="nothing",
                    text="# words",
                )
                for kind in PLUGINS
            ),
        ),
    ),
    variables=(Variable("job", "job", "up", "Job"), Variable("one", "x", "up", "One", multi=False)),
    links=(Link("there", "https://example.org"), Link("all", tag="tocsin")),
)
BOARDS = [*all_boards(objectives_of(SPEC, "test.yaml")), EVERY_KIND]
register_default_plugins()


def paths(value: Any, prefix: str = "") -> Iterator[str]:
    """Every leaf with its value; an empty object or list is a leaf."""
    children: Any = ()
    if isinstance(value, dict):
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for key, child in children:
        yield from paths(child, f"{prefix}.{key}")
    if not children:
        yield f"{prefix}={value!r}"


def lost_in_a_round_trip(written: dict[str, Any]) -> set[str]:
    back = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(written)))
    return set(paths(written)) - set(paths(back))


@pytest.fixture(params=BOARDS, ids=lambda board: board.uid)
def board(request: pytest.FixtureRequest) -> Board:
    chosen: Board = request.param
    return chosen


def test_a_round_trip_through_grafanas_types_loses_no_path(board: Board) -> None:
    assert not lost_in_a_round_trip(to_grafana(board))


@pytest.mark.parametrize("place", ["", "options", "fieldConfig.defaults.custom", "gridPos"])
def test_the_round_trip_does_lose_what_grafana_does_not_know(place: str) -> None:
    written = to_grafana(EVERY_KIND)
    found = next(panel for panel in written["panels"] if panel["type"] == "timeseries")
    for name in filter(None, place.split(".")):
        found = found[name]
    found["unheardOf"] = 1
    assert len(lost_in_a_round_trip(written)) == 1


def test_the_shape_is_that_of_schema_version_42(board: Board) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(to_grafana(board))


@pytest.mark.parametrize(
    ("key", "wrong"),
    [("schemaVersion", 12), ("uid", "x" * 41), ("refresh", False), ("rows", []), ("editable", 1)],
)
def test_the_schema_refuses_what_is_wrong(key: str, wrong: object) -> None:
    written = {**to_grafana(EVERY_KIND), key: wrong}
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(written)


def test_numbers_of_panels_hold_when_others_come_and_go() -> None:
    def numbers(board: Board) -> dict[str, int]:
        return {panel["title"]: panel["id"] for panel in to_grafana(board)["panels"]}

    row = EVERY_KIND.rows[0]
    fewer = Board("u", "t", "d", (Row(row.title, row.panels[2:]),))
    all_of_them = numbers(EVERY_KIND)
    assert {title: all_of_them[title] for title in numbers(fewer)} == numbers(fewer)


def test_panels_of_one_title_keep_numbers_of_their_own() -> None:
    panel = EVERY_KIND.rows[0].panels[0]
    written = to_grafana(Board("u", "t", "d", (Row("r", (panel, panel)), Row("r", (panel,)))))
    assert len({one["id"] for one in written["panels"]}) == 5


def test_the_chosen_data_source_is_where_the_board_begins() -> None:
    written = to_grafana(EVERY_KIND, Datasource("Tocsin", "abc"))
    datasource = written["templating"]["list"][0]
    assert datasource["current"] == {"text": "Tocsin", "value": "abc"}
    assert datasource["name"] == "datasource"


def test_every_panel_asks_the_chosen_data_source(board: Board) -> None:
    for panel in to_grafana(board)["panels"]:
        if panel["type"] not in ("row", "text"):
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert all(one["datasource"]["uid"] == "${datasource}" for one in panel["targets"])


def test_a_table_names_the_value_of_each_query() -> None:
    table = Panel("t", "table", "d", (Query("up"),), columns=(Column("Up"),))
    (_, written) = to_grafana(Board("u", "t", "d", (Row("r", (table,)),)))["panels"]
    names = written["transformations"][1]["options"]["renameByName"]
    assert names == {"Value": "Up"}
    two = Panel("t", "table", "d", (Query("a"), Query("b")), columns=(Column("A"), Column("B")))
    (_, written) = to_grafana(Board("u", "t", "d", (Row("r", (two,)),)))["panels"]
    names = written["transformations"][1]["options"]["renameByName"]
    assert names == {"Value #A": "A", "Value #B": "B"}


def test_equal_boards_give_equal_bytes(board: Board) -> None:
    assert dumps(to_grafana(board)) == dumps(to_grafana(board))


def test_golden_boards(board: Board) -> None:
    file = GOLDEN / f"{board.uid}.json"
    text = dumps(to_grafana(board))
    if os.environ.get("TOCSIN_WRITE_GOLDEN"):
        file.write_text(text)
    assert file.read_text() == text, "look at the change, then `make golden`"
