"""Every board: says what it shows, asks PromQL that parses, lies on the grid, can be linked to."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.query.parser import parse
from dashboards.board import Board, Panel, Row, substitute
from dashboards.boards import BOARDS, all_boards
from dashboards.boards.slo_detail import MAX_UID, board_uid
from dashboards.grafana import to_grafana
from dashboards.layout import COLUMNS, place_rows
from dashboards.lint import lint
from dashboards.lint.exclusions import Entry, Exclusions
from slo.objective import CounterTerm, Indicator, Objective
from slo.window import DAY_MS, Window
from tests.oracles.board_queries import panel_queries

TERM = (CounterTerm(1, ()),)
INDICATOR = Indicator("ratio", TERM, TERM)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,50}", fullmatch=True)
KINDS = {
    *("timeseries", "stat", "gauge", "bargauge", "table", "statetimeline", "heatmap", "text"),
}


def objective(service: str, name: str, days: int = 30) -> Objective:
    return Objective(service, name, Fraction(999, 1000), Window(days * DAY_MS), INDICATOR)


OBJECTIVES = [objective("shop", "availability"), objective("shop", "latency", days=7)]
ALL = [(name, board) for name, make in BOARDS.items() for board in make(OBJECTIVES)]


@pytest.fixture(params=ALL, ids=lambda entry: entry[1].uid)
def board(request: pytest.FixtureRequest) -> Board:
    chosen: Board = request.param[1]
    return chosen


def test_every_entry_makes_a_board_and_uids_differ() -> None:
    assert {name for name, _ in ALL} == set(BOARDS)
    uids = [board.uid for _, board in ALL]
    assert len(set(uids)) == len(uids) == len(all_boards(OBJECTIVES))


def test_a_board_and_its_panels_say_what_they_show(board: Board) -> None:
    assert board.title
    assert board.description
    for panel in board.panels():
        assert panel.title
        assert panel.description.endswith("."), panel.title
        assert panel.kind in KINDS
        assert panel.kind == "text" or panel.queries, panel.title
        assert panel.unit, panel.title


def test_titles_differ_so_that_links_to_panels_hold(board: Board) -> None:
    titles = [panel.title for panel in board.panels()]
    assert len(set(titles)) == len(titles)


def test_the_first_row_is_figures_that_say_whether_it_is_ok(board: Board) -> None:
    first = board.rows[0]
    assert first.title == "Is it OK?"
    assert {panel.kind for panel in first.panels} == {"stat"}


def test_a_board_can_be_taken_in_at_once(board: Board) -> None:
    assert len(board.panels()) <= 25


def test_every_query_is_promql_and_uses_only_its_boards_variables(board: Board) -> None:
    for title, expr in panel_queries(board, must_answer=False):
        assert "$" not in expr, title
        parse(expr)


def test_series_of_one_panel_are_told_apart(board: Board) -> None:
    for panel in board.panels():
        if panel.kind not in ("stat", "table", "text"):
            legends = [query.legend for query in panel.queries]
            assert all(legends), panel.title
            assert len(set(legends)) == len(legends), panel.title


def test_tables_have_a_column_for_each_query(board: Board) -> None:
    for panel in board.panels():
        if panel.kind == "table":
            assert len(panel.columns) == len(panel.queries)
            assert panel.sort_by in {column.name for column in panel.columns}


PLACES = ("template-job-rule", "template-instance-rule", "target-job-rule", "target-instance-rule")
MEANT = {
    "slo": Exclusions(dict.fromkeys(PLACES, ())),  # objectives are about all jobs and instances
    "self": Exclusions(
        {rule: [Entry(panel="Targets"), Entry(panel="Targets up")] for rule in PLACES[2:]}
    ),  # what tocsin scrapes are other jobs than its own
}


def test_a_board_passes_every_rule_of_the_linter(board: Board) -> None:
    meant = next((MEANT[tag] for tag in board.tags if tag in MEANT), None)
    assert [f"{rule}: {finding}" for rule, finding in lint(to_grafana(board), meant)] == []


panels = st.builds(
    Panel,
    title=st.text(max_size=3),
    kind=st.just("stat"),
    description=st.just(""),
    width=st.integers(1, COLUMNS),
    height=st.integers(1, 12),
)


@given(
    st.lists(
        st.builds(Row, title=st.text(max_size=2), panels=st.lists(panels, max_size=8)), max_size=5
    )
)
def test_no_two_panels_overlap_or_leave_the_grid(rows: list[Row]) -> None:
    taken: set[tuple[int, int]] = set()
    numbers = []
    for row in place_rows(rows):
        places = [row.place, *(place for _, _, place in row.panels)]
        numbers += [row.number, *(number for _, number, _ in row.panels)]
        for place in places:
            cells = {
                (place.x + i, place.y + j) for i in range(place.width) for j in range(place.height)
            }
            assert all(x < COLUMNS for x, _ in cells)
            assert not cells & taken
            taken |= cells
    assert len(set(numbers)) == len(numbers)


@given(NAMES, NAMES, NAMES, NAMES)
def test_uids_fit_grafana_and_differ_as_objectives_do(a: str, b: str, c: str, d: str) -> None:
    first, second = objective(a, b), objective(c, d)
    uids = board_uid(first), board_uid(second)
    for uid in uids:
        assert 0 < len(uid) <= MAX_UID
        assert all(char.isascii() and (char.isalnum() or char in "-_") for char in uid)
    assert (first.id == second.id) == (uids[0] == uids[1])


def test_names_that_read_the_same_have_boards_of_their_own() -> None:
    pairs = [("a-b", "c"), ("a", "b-c"), ("a.b", "c"), ("a-b-c", "c")]
    assert len({board_uid(objective(*pair)) for pair in pairs}) == len(pairs)


def test_a_short_variable_does_not_eat_a_longer_one() -> None:
    values = {"a": "1", "ab": "2"}
    assert substitute("$ab $a ${a}b $c $__range", values) == "2 1 1b $c $__range"
