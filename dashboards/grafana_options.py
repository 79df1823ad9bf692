"""What each kind of panel is in Grafana's current schema: plugin id, `options`, `fieldConfig`.

Source: the panel plugins' schemas of Grafana 11 to 13 (schemaVersion 42). Defaults are written out,
as Grafana's own differ between versions (a time series without `showLegend` shows none).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dashboards.board import Column, Panel, PanelKind, Threshold, Tone

Json = dict[str, Any]

COLOURS: dict[Tone, str] = {"good": "green", "warn": "orange", "bad": "red", "neutral": "blue"}
PLUGINS: dict[PanelKind, str] = {
    "timeseries": "timeseries",
    "stat": "stat",
    "gauge": "gauge",
    "bargauge": "bargauge",
    "table": "table",
    "statetimeline": "state-timeline",
    "heatmap": "heatmap",
    "text": "text",
}
UNITS = {"x": "suffix:x"}
"""Our unit ids that Grafana has under another name."""

_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}
_COLOURED = frozenset(("timeseries", "heatmap"))
"""Kinds whose series have colours of their own; in the others the colour is the value's."""


def options(panel: Panel) -> Json:
    """The panel's `options`, every default written out."""
    return _OPTIONS[panel.kind](panel)


def _timeseries(_: Panel) -> Json:
    return {
        "legend": _LEGEND,
        "tooltip": {"mode": "multi", "sort": "desc", "hideZeros": False},
    }


def _stat(_: Panel) -> Json:
    return {
        "reduceOptions": _LAST,
        "orientation": "auto",
        "textMode": "value",
        "wideLayout": True,
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
    }


def _gauge(_: Panel) -> Json:
    return {
        "reduceOptions": _LAST,
        "orientation": "auto",
        "showThresholdLabels": False,
        "showThresholdMarkers": True,
        "sizing": "auto",
        "minVizWidth": 75,
        "minVizHeight": 75,
    }


def _bargauge(_: Panel) -> Json:
    return {
        "reduceOptions": _LAST,
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "color",
        "namePlacement": "auto",
        "showUnfilled": True,
        "sizing": "auto",
        "minVizWidth": 8,
        "minVizHeight": 16,
        "maxVizHeight": 300,
        "legend": {**_LEGEND, "showLegend": False},
    }


def _table(panel: Panel) -> Json:
    sort_by = [{"displayName": panel.sort_by, "desc": False}] if panel.sort_by else []
    return {"frameIndex": 0, "showHeader": True, "cellHeight": "sm", "sortBy": sort_by}


def _statetimeline(_: Panel) -> Json:
    return {
        "showValue": "never",
        "rowHeight": 0.85,
        "mergeValues": True,
        "alignValue": "left",
        "legend": {**_LEGEND, "showLegend": False},
        "tooltip": {"mode": "single", "sort": "none", "hideZeros": False},
    }


def _heatmap(panel: Panel) -> Json:
    return {
        "calculate": False,
        "color": {
            "mode": "scheme",
            "scheme": "Oranges",
            "fill": "dark-orange",
            "scale": "exponential",
            "exponent": 0.5,
            "steps": 64,
            "reverse": False,
        },
        "cellGap": 1,
        "cellValues": {"unit": "short"},
        "filterValues": {"le": 1e-9},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": _unit(panel.unit)},
        "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
    }


def _text(panel: Panel) -> Json:
    return {"mode": "markdown", "content": panel.text}


_OPTIONS: dict[PanelKind, Callable[[Panel], Json]] = {
    "timeseries": _timeseries,
    "stat": _stat,
    "gauge": _gauge,
    "bargauge": _bargauge,
    "table": _table,
    "statetimeline": _statetimeline,
    "heatmap": _heatmap,
    "text": _text,
}


def field_config(panel: Panel) -> Json:
    """The panel's `fieldConfig`: unit, bounds, thresholds, colours, how lines and cells look."""
    defaults: Json = {
        "unit": _unit(panel.unit),
        "thresholds": {"mode": "absolute", "steps": _steps(panel.thresholds)},
        "mappings": _mappings(panel),
        "color": {"mode": "palette-classic" if panel.kind in _COLOURED else "thresholds"},
    }
    optional = {
        "min": panel.minimum,
        "max": panel.maximum,
        "decimals": panel.decimals,
        "noValue": panel.no_value or None,
        "custom": _custom(panel),
    }
    defaults |= {name: value for name, value in optional.items() if value is not None}
    return {"defaults": defaults, "overrides": [*_limits(panel), *map(_column, panel.columns)]}


def _unit(unit: str) -> str:
    return UNITS.get(unit, unit)


def _steps(thresholds: Sequence[Threshold]) -> list[Json]:
    """Threshold steps; the lowest has the value null, as Grafana asks."""
    chosen = thresholds or (Threshold(None, "neutral"),)
    return [{"color": COLOURS[step.tone], "value": step.value} for step in chosen]


def _mappings(panel: Panel) -> list[Json]:
    if not panel.texts:
        return []
    named = {
        str(one.value): {"text": one.text, "color": COLOURS[one.tone], "index": index}
        for index, one in enumerate(panel.texts)
    }
    return [{"type": "value", "options": named}]


def _custom(panel: Panel) -> Json | None:
    match panel.kind:
        case "timeseries":
            return _lines(panel)
        case "statetimeline":
            return {"lineWidth": 0, "fillOpacity": 80, "spanNulls": False, "insertNulls": False}
        case "table":
            return {"align": "auto", "inspect": False, "cellOptions": {"type": "auto"}}
        case "heatmap":
            return {"scaleDistribution": {"type": "linear"}}
        case _:
            return None


def _lines(panel: Panel) -> Json:
    return {
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineStyle": {"fill": "solid"},
        "lineWidth": 1,
        "fillOpacity": 25 if panel.stacked else 8,
        "gradientMode": "none",
        "spanNulls": False,
        "showPoints": "auto",
        "pointSize": 4,
        "axisPlacement": "auto",
        "axisLabel": "",
        "scaleDistribution": {"type": "linear"},
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if panel.show_thresholds else "off"},
    }


def _limits(panel: Panel) -> list[Json]:
    """Dashed, unfilled lines for the queries that are limits."""
    looks = [
        {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}},
        {"id": "custom.fillOpacity", "value": 0},
        {"id": "custom.stacking", "value": {"mode": "none", "group": "A"}},
    ]
    return [
        {"matcher": {"id": "byFrameRefID", "options": ref_id(i)}, "properties": looks}
        for i, query in enumerate(panel.queries)
        if query.limit
    ]


def _column(column: Column) -> Json:
    properties: list[Json] = [{"id": "unit", "value": _unit(column.unit)}]
    if column.decimals is not None:
        properties.append({"id": "decimals", "value": column.decimals})
    if column.thresholds:
        steps = {"mode": "absolute", "steps": _steps(column.thresholds)}
        properties.append({"id": "thresholds", "value": steps})
        cell = {"type": "color-text"}
        if column.bar:
            cell = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
            properties += [{"id": "min", "value": 0}, {"id": "max", "value": 1}]
        properties.append({"id": "custom.cellOptions", "value": cell})
    return {"matcher": {"id": "byName", "options": column.name}, "properties": properties}


def ref_id(number: int) -> str:
    """What a panel's query at this place is called: A, B, C, …"""
    return chr(ord("A") + number)
