"""`BOARDS`: name -> how its boards are made from the objectives there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dashboards.board import Board
from dashboards.boards.collector import collector
from dashboards.boards.host import host
from dashboards.boards.slo import slo_overview
from dashboards.boards.slo_detail import slo_detail
from slo.objective import Objective

BOARDS: dict[str, Callable[[Sequence[Objective]], list[Board]]] = {
    "slo_overview": lambda objectives: [slo_overview()] if objectives else [],
    "slo_detail": lambda objectives: [slo_detail(objective) for objective in objectives],
    "host": lambda _: [host()],
    "collector": lambda _: [collector()],
}


def all_boards(objectives: Sequence[Objective]) -> list[Board]:
    """Every board for these objectives, in the order of `BOARDS`."""
    return [board for make in BOARDS.values() for board in make(objectives)]
