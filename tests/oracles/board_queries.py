"""What the panels of a board ask, with its variables filled in as Grafana would."""

from __future__ import annotations

from dashboards.board import Board, substitute

BUILT_IN = {"__rate_interval": "1m", "__interval": "15s", "__range": "1h"}


def panel_queries(board: Board, *, must_answer: bool = True) -> list[tuple[str, str]]:
    """(panel title, PromQL) of the queries; a variable of the board matches everything.

    `must_answer` leaves out panels with a `no_value`.
    """
    known = {**BUILT_IN, **{variable.name: ".+" for variable in board.variables}}
    return [
        (panel.title, substitute(query.expr, known))
        for panel in board.panels()
        for query in panel.queries
        if not (must_answer and panel.no_value)
    ]
