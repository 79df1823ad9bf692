"""`Board`, `Row`, `Panel`, `Query`: what a board shows, with no Grafana in it.

A query may use `$name` for each variable of its board, and `$__rate_interval`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

PanelKind = Literal["timeseries", "stat", "gauge", "bargauge", "table", "statetimeline", "text"]
Tone = Literal["good", "warn", "bad", "neutral"]


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL and what its series are called; `instant` asks for the newest value only."""

    expr: str
    legend: str = ""
    instant: bool = False


@dataclass(frozen=True, slots=True)
class Threshold:
    """From `value` on, the tone holds; None is the lowest step."""

    value: float | None
    tone: Tone


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture. `unit` is a Grafana unit id; `width` is in 24ths, `height` in grid rows."""

    title: str
    kind: PanelKind
    description: str
    queries: Sequence[Query] = ()
    unit: str = "short"
    width: int = 8
    height: int = 7
    thresholds: Sequence[Threshold] = ()
    show_thresholds: bool = False
    minimum: float | None = None
    maximum: float | None = None
    decimals: int | None = None
    stacked: bool = False
    columns: Mapping[str, str] | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A titled group of panels."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice at the top of the board: the values of `label` on the series of `metric`."""

    name: str
    label: str
    metric: str
    title: str
    multi: bool = True


@dataclass(frozen=True, slots=True)
class Board:
    """A board; `uid` is stable, so that it is updated in place and links hold."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]
    variables: Sequence[Variable] = ()
    tags: Sequence[str] = ("tocsin",)
    time_range: str = "now-6h"
    refresh: str = "30s"

    def panels(self) -> list[Panel]:
        """Every panel, row by row."""
        return [panel for row in self.rows for panel in row.panels]


def panel_queries(board: Board, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """(panel title, PromQL) of every query, with variables replaced by `values`.

    `$__rate_interval` is `1m` unless `values` says otherwise; a missing variable matches all.
    """
    known = {"__rate_interval": "1m", "__interval": "15s", **values}
    for variable in board.variables:
        known.setdefault(variable.name, ".+")
    found = []
    for panel in board.panels():
        for query in panel.queries:
            expr = query.expr
            for name in sorted(known, key=len, reverse=True):
                expr = expr.replace(f"${name}", known[name])
            found.append((panel.title, expr))
    return found
