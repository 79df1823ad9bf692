"""Board to Grafana JSON that Grafana 11 to 13 loads as it is; the only importer of grafanalib.

grafanalib 0.7.1 writes schema version 12 with keys that Grafana has dropped. So boards are authored
with its classes, and `finalize` keeps only what the current schema (42) has, with `options` and
`fieldConfig` from `grafana_options`. The result is deterministic: equal boards give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import grafanalib.core as grafana
from grafanalib._gen import DashboardEncoder

from dashboards.board import Board, Panel, Query, Row, Variable
from dashboards.grafana_options import PLUGINS, Json, field_config, options
from dashboards.layout import Place, place_rows

SCHEMA_VERSION = 42
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

PANEL_KEYS = (
    "id",
    "type",
    "title",
    "description",
    "gridPos",
    "datasource",
    "targets",
    "fieldConfig",
    "options",
    "transformations",
)
ROW_KEYS = ("id", "type", "title", "gridPos", "collapsed", "panels")
TARGET_KEYS = ("refId", "expr", "legendFormat", "instant", "format")
VARIABLE_KEYS = (
    "name",
    "type",
    "label",
    "query",
    "datasource",
    "multi",
    "includeAll",
    "allValue",
    "refresh",
    "sort",
    "hide",
)
BOARD_KEYS = (
    "uid",
    "title",
    "description",
    "tags",
    "editable",
    "refresh",
    "time",
    "timezone",
    "templating",
    "annotations",
    "links",
    "panels",
)


def to_grafana(board: Board) -> Json:
    """The board as Grafana's dashboard JSON (schema version 42)."""
    return finalize(author(board), board)


def dumps(dashboard: Mapping[str, Any]) -> str:
    """Its text: sorted keys, so that a diff shows what changed and nothing else."""
    return json.dumps(dashboard, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def author(board: Board) -> grafana.Dashboard:
    """The board with grafanalib's classes: React panels only."""
    panels: list[Any] = []
    for row, (place, placed) in zip(board.rows, place_rows(board.rows), strict=True):
        panels.append(_row(row, place, len(panels) + 1))
        for panel, panel_place in placed:
            panels.append(_panel(panel, panel_place, len(panels) + 1))
    start, end = board.time_range, "now"
    return grafana.Dashboard(
        uid=board.uid,
        title=board.title,
        description=board.description,
        tags=list(board.tags),
        editable=True,
        refresh=board.refresh,
        time=grafana.Time(start, end),
        timezone="browser",
        templating=grafana.Templating(_variables(board.variables)),
        panels=panels,
    )


def finalize(dashboard: grafana.Dashboard, board: Board) -> Json:
    """grafanalib's JSON with what the current schema has, and nothing else."""
    raw = json.loads(json.dumps(dashboard.to_json_data(), cls=DashboardEncoder))
    kept = _only(raw, BOARD_KEYS)
    kept["schemaVersion"] = SCHEMA_VERSION
    kept["graphTooltip"] = 1
    kept["timepicker"] = {}
    kept["fiscalYearStartMonth"] = 0
    kept["weekStart"] = ""
    kept["annotations"] = {"list": []}
    kept["templating"] = {"list": [_variable(one) for one in raw["templating"]["list"]]}
    shown = {panel.title: panel for panel in board.panels()}
    kept["panels"] = [_finalize_panel(one, shown) for one in raw["panels"]]
    return kept


def _finalize_panel(raw: Mapping[str, Any], shown: Mapping[str, Panel]) -> Json:
    if raw["type"] == "row":
        return _only(raw, ROW_KEYS)
    panel = shown[raw["title"]]
    kept = _only(raw, PANEL_KEYS)
    kept["type"] = PLUGINS[panel.kind]
    kept["options"] = options(panel)
    kept["fieldConfig"] = field_config(panel)
    kept["targets"] = [
        {**_only(one, TARGET_KEYS), "datasource": DATASOURCE, "range": not one["instant"]}
        for one in raw["targets"]
    ]
    kept["transformations"] = _transformations(panel)
    if panel.kind == "text":
        del kept["targets"], kept["datasource"]
    return kept


def _variable(raw: Mapping[str, Any]) -> Json:
    kept = {key: value for key, value in _only(raw, VARIABLE_KEYS).items() if value is not None}
    if kept["type"] == "datasource":
        kept.pop("datasource", None)
        kept.pop("allValue", None)
    return {**kept, "current": {}, "skipUrlSync": False}


def _only(raw: Mapping[str, Any], keys: Sequence[str]) -> Json:
    return {key: raw[key] for key in keys if key in raw}


def _row(row: Row, place: Place, number: int) -> grafana.RowPanel:
    return grafana.RowPanel(title=row.title, id=number, gridPos=_grid(place), collapsed=False)


def _panel(panel: Panel, place: Place, number: int) -> Any:
    classes = {
        "timeseries": grafana.TimeSeries,
        "stat": grafana.Stat,
        "gauge": grafana.GaugePanel,
        "bargauge": grafana.BarGauge,
        "table": grafana.Table,
        "statetimeline": grafana.StateTimeline,
        "text": grafana.Text,
    }
    targets = [_target(query, panel, i) for i, query in enumerate(panel.queries)]
    return classes[panel.kind](
        title=panel.title,
        description=panel.description,
        dataSource=DATASOURCE,
        targets=targets,
        gridPos=_grid(place),
        id=number,
    )


def _target(query: Query, panel: Panel, number: int) -> grafana.Target:
    return grafana.Target(
        expr=query.expr,
        legendFormat=query.legend,
        refId=chr(ord("A") + number),
        instant=query.instant,
        format="table" if panel.kind == "table" else "time_series",
    )


def _transformations(panel: Panel) -> list[Json]:
    """A table joins its queries by their labels and names each value column."""
    if panel.kind != "table" or panel.columns is None:
        return []
    names = {f"Value #{ref}": name for ref, name in panel.columns.items()}
    hidden = dict.fromkeys(("Time", "__name__", "job", "instance", "window"), True)
    return [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": hidden, "renameByName": names}},
    ]


def _grid(place: Place) -> grafana.GridPos:
    return grafana.GridPos(h=place.height, w=place.width, x=place.x, y=place.y)


def _variables(variables: Sequence[Variable]) -> list[grafana.Template]:
    datasource = grafana.Template(
        name="datasource", label="Data source", query="prometheus", type="datasource", refresh=1
    )
    return [
        datasource,
        *(
            grafana.Template(
                name=one.name,
                label=one.title,
                query=f"label_values({one.metric}, {one.label})",
                dataSource=DATASOURCE,
                type="query",
                multi=one.multi,
                includeAll=one.multi,
                allValue=".+" if one.multi else None,
                refresh=2,
                sort=1,
            )
            for one in variables
        ),
    ]
