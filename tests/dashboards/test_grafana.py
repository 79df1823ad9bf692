"""The boards' JSON is what Grafana's own types know: nothing is lost in a round trip."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from collector.query.parser import parse
from dashboards.board import Board, panel_queries
from dashboards.boards import all_boards
from dashboards.boards.slo import board_uid
from dashboards.grafana import dumps, to_grafana
from slo.objective import Objective
from slo.specs import objectives_of

GOLDEN = Path(__file__).parents[1] / "golden" / "dashboards"
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
    alerting: {}
"""
OBJECTIVES: list[Objective] = objectives_of(SPEC, "test.yaml")
BOARDS = all_boards(OBJECTIVES)
REACT_PANELS = {"row", "timeseries", "stat", "gauge", "bargauge", "table", "state-timeline", "text"}


def paths(value: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from paths(child, f"{prefix}.{key}")
    elif isinstance(value, list):
        for i, child in enumerate(value):
            yield from paths(child, f"{prefix}[{i}]")
    else:
        yield f"{prefix}={value!r}"


@pytest.fixture(params=BOARDS, ids=lambda board: board.uid)
def board(request: pytest.FixtureRequest) -> Board:
    chosen: Board = request.param
    return chosen


def test_a_round_trip_through_grafanas_types_loses_no_path(board: Board) -> None:
    written = to_grafana(board)
    back = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(written)))
    lost = set(paths(written)) - set(paths(back))
    # the SDK leaves out empty containers; nothing that holds a value may go
    assert not lost


def test_only_panels_that_grafana_still_has_are_used(board: Board) -> None:
    assert {panel["type"] for panel in to_grafana(board)["panels"]} <= REACT_PANELS


def test_panels_say_what_they_show(board: Board) -> None:
    for panel in board.panels():
        assert panel.title
        assert panel.description
        assert panel.kind == "text" or panel.queries
        assert panel.kind == "text" or panel.unit


def test_panels_do_not_overlap_and_ids_are_unique(board: Board) -> None:
    panels = to_grafana(board)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells


def test_every_query_is_promql(board: Board) -> None:
    for _, expr in panel_queries(board, {}):
        parse(expr)


def test_every_panel_asks_the_chosen_data_source(board: Board) -> None:
    for panel in to_grafana(board)["panels"]:
        if panel["type"] not in ("row", "text"):
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert all(one["datasource"]["uid"] == "${datasource}" for one in panel["targets"])


def test_titles_are_unique_since_panels_are_found_by_them(board: Board) -> None:
    titles = [panel.title for panel in board.panels()]
    assert len(set(titles)) == len(titles)


def test_uids_fit_grafana_and_differ() -> None:
    uids = [board.uid for board in BOARDS]
    assert len(set(uids)) == len(uids)
    assert all(0 < len(uid) <= 40 for uid in uids)
    long = objectives_of(SPEC.replace("availability", "a" * 60), "test.yaml")[0]
    other = objectives_of(SPEC.replace("availability", "a" * 61), "test.yaml")[0]
    assert len(board_uid(long)) <= 40
    assert board_uid(long) != board_uid(other)


def test_golden_boards(board: Board) -> None:
    file = GOLDEN / f"{board.uid}.json"
    text = dumps(to_grafana(board))
    if os.environ.get("TOCSIN_WRITE_GOLDEN"):
        file.write_text(text)
    assert file.read_text() == text, "look at the change, then `make golden`"
