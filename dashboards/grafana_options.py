"""What each kind of panel is in Grafana's current schema: plugin id, `options`, `fieldConfig`.

Source: the panel plugins' schemas of Grafana 11 to 13 (schemaVersion 42). Defaults are written out,
as Grafana's own differ between versions (a time series without `showLegend` shows none).
"""

from __future__ import annotations

from typing import Any

from dashboards.board import Panel, PanelKind, Threshold

Json = dict[str, Any]

COLOURS = {"good": "green", "warn": "orange", "bad": "red", "neutral": "blue"}
PLUGINS: dict[PanelKind, str] = {
    "timeseries": "timeseries",
    "stat": "stat",
    "gauge": "gauge",
    "bargauge": "bargauge",
    "table": "table",
    "statetimeline": "state-timeline",
    "text": "text",
}
UNITS = {"x": "suffix: x"}
"""Our unit ids that Grafana has under another name."""

_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}


def options(panel: Panel) -> Json:
    """The panel's `options`, every default written out."""
    match panel.kind:
        case "timeseries":
            return {"legend": _LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}}
        case "stat":
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
        case "gauge":
            return {
                "reduceOptions": _LAST,
                "orientation": "auto",
                "showThresholdLabels": False,
                "showThresholdMarkers": True,
                "sizing": "auto",
                "minVizWidth": 75,
                "minVizHeight": 75,
            }
        case "bargauge":
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
        case "table":
            return {"showHeader": True, "cellHeight": "sm"}
        case "statetimeline":
            return {
                "showValue": "auto",
                "rowHeight": 0.9,
                "mergeValues": True,
                "alignValue": "left",
                "legend": _LEGEND,
                "tooltip": {"mode": "single", "sort": "none"},
            }
        case "text":
            return {"mode": "markdown", "content": panel.text}


def field_config(panel: Panel) -> Json:
    """The panel's `fieldConfig`: unit, bounds, thresholds, colours, how lines are drawn."""
    defaults: Json = {
        "unit": UNITS.get(panel.unit, panel.unit),
        "thresholds": {"mode": "absolute", "steps": steps(panel)},
        "mappings": [],
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
    }
    for name, value in (("min", panel.minimum), ("max", panel.maximum)):
        if value is not None:
            defaults[name] = value
    if panel.decimals is not None:
        defaults["decimals"] = panel.decimals
    if panel.kind == "timeseries":
        defaults["custom"] = _lines(panel)
    return {"defaults": defaults, "overrides": []}


def steps(panel: Panel) -> list[Json]:
    """Threshold steps; the lowest has the value null, as Grafana asks."""
    chosen = panel.thresholds or (Threshold(None, "neutral"),)
    return [{"color": COLOURS[step.tone], "value": step.value} for step in chosen]


def _lines(panel: Panel) -> Json:
    return {
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "fillOpacity": 25 if panel.stacked else 8,
        "gradientMode": "none",
        "spanNulls": False,
        "showPoints": "never",
        "pointSize": 5,
        "axisPlacement": "auto",
        "axisLabel": "",
        "scaleDistribution": {"type": "linear"},
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if panel.show_thresholds else "off"},
    }
