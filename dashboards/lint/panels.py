"""Rules about panels: what they are called, ask, and are measured in."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards.lint.document import Document, Json
from dashboards.lint.finding import Finding
from dashboards.lint.units import is_unit

FIGURES = frozenset(
    ("stat", "singlestat", "graph", "table", "timeseries", "gauge", "bargauge", "heatmap")
)
"""Panels that show figures. dashboard-linter leaves out the last two."""


def datasource(document: Document) -> Iterator[Finding]:
    """Every panel asks the data source that was chosen."""
    chosen = [one["name"] for one in document.variables if one.get("type") == "datasource"]
    allowed = {text for name in chosen for text in (f"${name}", f"${{{name}}}")}
    for panel in _figures(document):
        found = panel.get("datasource")
        uid = found.get("uid") if isinstance(found, dict) else found
        if uid not in allowed:
            yield document.found(f"asks {uid!r}, not a data source that can be chosen", panel)


def title_description(document: Document) -> Iterator[Finding]:
    """Every panel says what it shows."""
    for panel in _figures(document):
        missing = [key for key in ("title", "description") if not panel.get(key)]
        if missing:
            yield document.found(f"has no {' and no '.join(missing)}", panel)


def units(document: Document) -> Iterator[Finding]:
    """Every figure has a unit that Grafana knows."""
    for panel in _figures(document):
        config = panel.get("fieldConfig", {})
        unit = config.get("defaults", {}).get("unit", "") or _overriding(config)
        if not is_unit(unit):
            yield document.found(f"has no valid unit: {unit!r}", panel)


def no_targets(document: Document) -> Iterator[Finding]:
    """Every panel asks something."""
    for panel in _figures(document):
        if not panel.get("targets"):
            yield document.found("asks nothing", panel)


def _figures(document: Document) -> Iterator[Json]:
    return (panel for panel in document.panels if panel.get("type") in FIGURES)


def _overriding(config: Json) -> str:
    values = (
        one.get("value", "")
        for override in config.get("overrides", ())
        for one in override.get("properties", ())
        if one.get("id") == "unit"
    )
    return next(values, "")
