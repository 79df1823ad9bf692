"""`Board`, `Row`, `Panel`, `Query`: what a board shows, with no Grafana in it.

A query may use `$name` for each variable of its board, `$__rate_interval` and `$__range`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

PanelKind = Literal[
    "timeseries", "stat", "gauge", "bargauge", "table", "statetimeline", "heatmap", "text"
]
Tone = Literal["good", "warn", "bad", "neutral"]

_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL and what its series are called.

    `instant` asks for the newest value only; a `limit` is drawn as a dashed line, for what the
    other series are held against.
    """

    expr: str
    legend: str = ""
    instant: bool = False
    limit: bool = False


@dataclass(frozen=True, slots=True)
class Threshold:
    """From `value` on, the tone holds; None is the lowest step."""

    value: float | None
    tone: Tone


@dataclass(frozen=True, slots=True)
class ValueText:
    """A value that is shown as a word."""

    value: int
    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Column:
    """How a table shows the value of the query at the same place; `bar` draws it as a bar."""

    name: str
    unit: str = "short"
    thresholds: Sequence[Threshold] = ()
    decimals: int | None = None
    bar: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture. `unit` is a Grafana unit id; `width` is in 24ths, `height` in grid rows.

    `no_value` is what is shown when no query answers, for panels that may rightly be empty.
    `columns` and `sort_by` (a column's name, smallest first) are for tables, `texts` for values
    that mean a word.
    """

    title: str
    kind: PanelKind
    description: str
    queries: Sequence[Query] = ()
    unit: str = "short"
    width: int = 8
    height: int = 8
    thresholds: Sequence[Threshold] = ()
    show_thresholds: bool = False
    minimum: float | None = None
    maximum: float | None = None
    decimals: int | None = None
    stacked: bool = False
    columns: Sequence[Column] = ()
    sort_by: str = ""
    texts: Sequence[ValueText] = ()
    no_value: str = ""
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
class Link:
    """A link at the top of the board: to a `url`, or to every board with a `tag`."""

    title: str
    url: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """A board; `uid` is stable, so that it is updated in place and links hold."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]
    variables: Sequence[Variable] = ()
    links: Sequence[Link] = ()
    tags: Sequence[str] = ("tocsin",)
    time_range: str = "now-6h"
    refresh: str = "30s"

    def panels(self) -> list[Panel]:
        """Every panel, row by row."""
        return [panel for row in self.rows for panel in row.panels]


def substitute(expr: str, values: Mapping[str, str]) -> str:
    """`$name` and `${name}` replaced; a name that `values` lacks stays as it is written."""
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), expr)
