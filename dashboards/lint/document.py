"""The parts of a dashboard's JSON that rules look at, whatever generation wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from collector.model.errors import InputError
from dashboards.board import substitute
from dashboards.lint.finding import Finding

Json = Mapping[str, Any]

RATE_INTERVAL_SECONDS = 277_197.0
"""Stands for `$__rate_interval`: a duration that nobody writes, so that it is known again."""
BUILT_IN = {
    "__rate_interval": f"{RATE_INTERVAL_SECONDS:.0f}s",
    "__interval": "15s",
    "__interval_ms": "15000",
    "__range": "1h",
    "__range_s": "3600",
    "__range_ms": "3600000",
    "__from": "0",
    "__to": "1",
}
STAND_IN = "variable_"
FIXED = frozenset(("interval", "custom", "constant", "textbox"))


@dataclass(frozen=True, slots=True)
class Target:
    """A panel's query: its place, its text, and its text with every variable replaced."""

    panel: Json
    number: int
    expr: str
    expanded: str
    datasource_type: str


@dataclass(frozen=True)
class Document:
    """A dashboard; raises InputError (by `of`) when it is not one."""

    json: Json

    @classmethod
    def of(cls, json: Json) -> Document:
        """The dashboard, out of an API answer's `dashboard` too."""
        found = json.get("dashboard", json) if isinstance(json, Mapping) else None
        if not isinstance(found, Mapping) or not isinstance(found.get("panels", []), list):
            raise InputError("this is not a dashboard", advice="export it from Grafana as JSON")
        return cls(found)

    @property
    def title(self) -> str:
        """The dashboard's title."""
        return str(self.json.get("title", ""))

    @cached_property
    def variables(self) -> list[Json]:
        """Every variable."""
        return [*self.json.get("templating", {}).get("list", ())]

    @cached_property
    def panels(self) -> list[Json]:
        """Every panel that shows something: those inside rows too, the rows not."""
        rows = [panel for row in self.json.get("rows", ()) for panel in row.get("panels", ())]
        return [*_flat([*rows, *self.json.get("panels", ())])]

    @cached_property
    def targets(self) -> list[Target]:
        """Every query that has a text."""
        return [
            Target(panel, i, one["expr"], self.expand(one["expr"]), self._type(panel, one))
            for panel in self.panels
            for i, one in enumerate(panel.get("targets") or ())
            if one.get("expr")
        ]

    @property
    def asks_prometheus(self) -> bool:
        """Whether the first data source that can be chosen is a Prometheus."""
        return self._first_type() == "prometheus"

    def expand(self, expr: str) -> str:
        """The text with variables replaced, so that it can be parsed.

        Choices of fixed values stand for their current one, queried ones for `variable_<name>`.
        """
        own = {str(one["name"]): _stand_in(one) for one in self.variables}
        return substitute(expr, {**own, **BUILT_IN})

    def found(self, message: str, panel: Json | None = None, target: int = -1) -> Finding:
        """A finding in this dashboard."""
        title = "" if panel is None else str(panel.get("title") or f"panel {panel.get('id')}")
        return Finding(self.title, message, title, target)

    def found_in(self, target: Target, message: str) -> Finding:
        """A finding in one query."""
        return self.found(message, target.panel, target.number)

    def _type(self, panel: Json, target: Json) -> str:
        for holder in (target, panel):
            datasource = holder.get("datasource")
            if isinstance(datasource, Mapping) and datasource.get("type"):
                return str(datasource["type"])
        return self._first_type()

    def _first_type(self) -> str:
        kinds = (one.get("query") for one in self.variables if one.get("type") == "datasource")
        return str(next(kinds, ""))


def _stand_in(variable: Json) -> str:
    if variable.get("type") in FIXED:
        current = variable.get("current")
        value = current.get("value") if isinstance(current, Mapping) else None
        return value if isinstance(value, str) and value and "$" not in value else "5m"
    return STAND_IN + str(variable["name"])


def _flat(panels: list[Json]) -> Iterator[Json]:
    for panel in panels:
        if panel.get("type") != "row":
            yield panel
        yield from _flat(panel.get("panels") or [])
