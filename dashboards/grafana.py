"""Board to Grafana JSON that Grafana 11 to 13 loads as it is; the only importer of grafanalib.

grafanalib 0.7.1 writes schema version 12 with keys that Grafana has dropped. So boards are authored
with its classes, and `finalize` keeps only what the current schema (42) has, with `options` and
`fieldConfig` from `grafana_options`. The result is deterministic: equal boards give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grafanalib.core as grafana
from grafanalib._gen import DashboardEncoder

from dashboards.board import Board, Link, Panel, PanelKind, Query, Variable
from dashboards.grafana_options import PLUGINS, Json, field_config, options, ref_id
from dashboards.layout import Place, PlacedRow, place_rows

SCHEMA_VERSION = 42
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

PANEL_KEYS = ("id", "title", "description", "gridPos", "datasource", "targets")
ROW_KEYS = ("id", "type", "title", "gridPos", "collapsed", "panels")
TARGET_KEYS = ("refId", "expr", "legendFormat", "instant", "format")
VARIABLE_KEYS = (
    *("name", "type", "label", "query", "datasource", "multi", "includeAll", "allValue"),
    *("refresh", "sort", "hide"),
)
BOARD_KEYS = (
    *("uid", "title", "description", "tags", "editable", "refresh", "time", "timezone"),
    "graphTooltip",
)
FORMATS: dict[PanelKind, str] = {"table": "table", "heatmap": "heatmap"}
"""What a query answers with; all other kinds take time series."""
CLASSES: dict[PanelKind, Any] = {
    "timeseries": grafana.TimeSeries,
    "stat": grafana.Stat,
    "gauge": grafana.GaugePanel,
    "bargauge": grafana.BarGauge,
    "table": grafana.Table,
    "statetimeline": grafana.StateTimeline,
    "heatmap": grafana.Heatmap,
    "text": grafana.Text,
}
OWN_ANNOTATIONS = {
    "builtIn": 1,
    "datasource": {"type": "grafana", "uid": "-- Grafana --"},
    "enable": True,
    "hide": True,
    "iconColor": "rgba(0, 211, 255, 1)",
    "name": "Annotations & Alerts",
    "type": "dashboard",
}
"""What Grafana adds to every dashboard; there from the start, it is no difference."""


@dataclass(frozen=True, slots=True)
class Datasource:
    """The Prometheus data source that a board begins with, as Grafana knows it."""

    name: str
    uid: str


def to_grafana(board: Board, datasource: Datasource | None = None) -> Json:
    """The board as Grafana's dashboard JSON (schema version 42).

    Without a `datasource` Grafana begins with its default Prometheus one; it stays a choice.
    """
    rows = place_rows(board.rows)
    return finalize(author(board, rows), board, rows, datasource)


def dumps(dashboard: Mapping[str, Any]) -> str:
    """Its text: sorted keys, so that a diff shows what changed and nothing else."""
    return json.dumps(dashboard, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def author(board: Board, rows: Sequence[PlacedRow]) -> grafana.Dashboard:
    """The board with grafanalib's classes: React panels only."""
    panels: list[Any] = []
    for row in rows:
        panels.append(_row(row))
        panels += [_panel(panel, number, place) for panel, number, place in row.panels]
    return grafana.Dashboard(
        uid=board.uid,
        title=board.title,
        description=board.description,
        tags=list(board.tags),
        editable=False,
        refresh=board.refresh,
        time=grafana.Time(board.time_range, "now"),
        timezone="browser",
        graphTooltip=grafana.GRAPH_TOOLTIP_MODE_SHARED_CROSSHAIR,
        templating=grafana.Templating(_variables(board.variables)),
        panels=panels,
    )


def finalize(
    dashboard: grafana.Dashboard,
    board: Board,
    rows: Sequence[PlacedRow],
    datasource: Datasource | None = None,
) -> Json:
    """grafanalib's JSON with what the current schema has, and nothing else."""
    raw = json.loads(json.dumps(dashboard.to_json_data(), cls=DashboardEncoder))
    shown = {number: panel for row in rows for panel, number, _ in row.panels}
    chosen = raw["templating"]["list"]
    return {
        **_only(raw, BOARD_KEYS),
        "schemaVersion": SCHEMA_VERSION,
        "fiscalYearStartMonth": 0,
        "weekStart": "",
        "annotations": {"list": [OWN_ANNOTATIONS]},
        "links": [_link(link) for link in board.links],
        "templating": {"list": [_variable(one, datasource) for one in chosen]},
        "panels": [_finalize_panel(one, shown) for one in raw["panels"]],
    }


def _finalize_panel(raw: Mapping[str, Any], shown: Mapping[int, Panel]) -> Json:
    if raw["type"] == "row":
        return _only(raw, ROW_KEYS)
    panel = shown[raw["id"]]
    kept = {
        **_only(raw, PANEL_KEYS),
        "type": PLUGINS[panel.kind],
        "options": options(panel),
        "fieldConfig": field_config(panel),
        "transformations": _transformations(panel),
    }
    if panel.kind == "text":
        del kept["targets"], kept["datasource"]
        return kept
    kept["targets"] = [
        {**_only(one, TARGET_KEYS), "datasource": DATASOURCE, "range": not one["instant"]}
        for one in raw["targets"]
    ]
    return kept


def _variable(raw: Mapping[str, Any], datasource: Datasource | None) -> Json:
    kept = {key: value for key, value in _only(raw, VARIABLE_KEYS).items() if value is not None}
    kept["skipUrlSync"] = False
    if kept["type"] == "datasource":
        kept.pop("datasource", None)
        if datasource:
            kept["current"] = {"text": datasource.name, "value": datasource.uid}
        return kept
    if kept["multi"]:
        kept["current"] = {"text": ["All"], "value": ["$__all"]}
    return {**kept, "definition": kept["query"]}


def _only(raw: Mapping[str, Any], keys: Sequence[str]) -> Json:
    return {key: raw[key] for key in keys if key in raw}


def _row(row: PlacedRow) -> grafana.RowPanel:
    return grafana.RowPanel(
        title=row.row.title, id=row.number, gridPos=_grid(row.place), collapsed=False
    )


def _panel(panel: Panel, number: int, place: Place) -> Any:
    return CLASSES[panel.kind](
        title=panel.title,
        description=panel.description,
        dataSource=DATASOURCE,
        targets=[_target(query, panel.kind, i) for i, query in enumerate(panel.queries)],
        gridPos=_grid(place),
        id=number,
    )


def _target(query: Query, kind: PanelKind, number: int) -> grafana.Target:
    return grafana.Target(
        expr=query.expr,
        legendFormat=query.legend,
        refId=ref_id(number),
        instant=query.instant,
        format=FORMATS.get(kind, "time_series"),
    )


def _transformations(panel: Panel) -> list[Json]:
    """A table joins its queries by their labels and names each value column."""
    if panel.kind != "table":
        return []
    values = [f"Value #{ref_id(i)}" for i in range(len(panel.columns))]
    if len(panel.columns) == 1:
        values = ["Value"]
    names = dict(zip(values, (column.name for column in panel.columns), strict=True))
    organized = {"excludeByName": {"Time": True}, "indexByName": {}, "renameByName": names}
    return [{"id": "merge", "options": {}}, {"id": "organize", "options": organized}]


def _grid(place: Place) -> grafana.GridPos:
    return grafana.GridPos(h=place.height, w=place.width, x=place.x, y=place.y)


def _link(link: Link) -> Json:
    """To one address, or a menu of the boards with a tag; time and variables go along."""
    is_menu = bool(link.tag)
    return {
        "title": link.title,
        "type": "dashboards" if is_menu else "link",
        "icon": "external link",
        "tooltip": "",
        "url": link.url,
        "tags": [link.tag] if is_menu else [],
        "asDropdown": is_menu,
        "targetBlank": not is_menu,
        "includeVars": False,
        "keepTime": is_menu,
    }


def _variables(variables: Sequence[Variable]) -> list[grafana.Template]:
    datasource = grafana.Template(
        name="datasource", label="Data source", query="prometheus", type="datasource", refresh=1
    )
    return [datasource, *map(_query_variable, variables)]


def _query_variable(variable: Variable) -> grafana.Template:
    return grafana.Template(
        name=variable.name,
        label=variable.title,
        query=f"label_values({variable.metric}, {variable.label})",
        dataSource=DATASOURCE,
        type="query",
        multi=variable.multi,
        includeAll=variable.multi,
        allValue=".+" if variable.multi else None,
        refresh=2,
        sort=1,
    )
