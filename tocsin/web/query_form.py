"""What the query page is asked, in the parameters of Prometheus's links; texts stay as written.

`g0.expr`, `g0.tab`, `g0.range_input`, `g0.end_input`, `g0.moment_input`, `g0.step_input` (or
Prometheus 3's `g0.res_step`). Expressions of further panels (`g1.expr`, …) are kept as links.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlencode

from collector.api.queries import MAX_POINTS
from collector.model.durations import format_duration, parse_duration_ms
from collector.model.errors import InputError
from tocsin.moments import moment_ms, time_text

Tab = Literal["table", "graph", "explain"]
TABS: tuple[Tab, ...] = ("table", "graph", "explain")
RANGES = ("5m", "15m", "1h", "6h", "1d", "7d", "30d")
DEFAULT_RANGE = "1h"
AUTOMATIC_POINTS = 250
"""Steps of a graph whose step nobody chose, as in Prometheus: one each two or three pixels."""
MIN_STEP_MS = 1000
MAX_PANELS = 20
"""Panels of a link that are looked at; Prometheus's own page slows down long before."""
_TABS: Mapping[str, Tab] = {"0": "graph", "1": "table", **{tab: tab for tab in TABS}}


@dataclass(frozen=True, slots=True)
class QueryForm:
    """The form as it was filled in; what is wrong in a field shows when it is asked for."""

    expr: str = ""
    tab: Tab = "table"
    range_text: str = DEFAULT_RANGE
    end: str = ""
    moment: str = ""
    step: str = ""

    @property
    def href(self) -> str:
        """The page with this form; empty fields are left out."""
        fields = {
            "g0.expr": self.expr,
            "g0.tab": {"graph": "0", "table": "1"}.get(self.tab, self.tab),
            "g0.range_input": self.range_text,
            "g0.end_input": self.end,
            "g0.moment_input": self.moment,
            "g0.step_input": self.step,
        }
        return "/graph?" + urlencode({name: text for name, text in fields.items() if text})

    def on(self, tab: Tab) -> QueryForm:
        """The same question on another tab."""
        return replace(self, tab=tab)

    def range_ms(self) -> int:
        """The length of the graph. Raises InputError for what is no time, or none at all."""
        found = parse_duration_ms(self.range_text)
        if found <= 0:
            raise InputError("the range is empty", advice="an hour is 1h")
        return found

    def step_ms(self) -> int:
        """The step, chosen or automatic. Raises InputError past Prometheus's 11,000 points."""
        span_ms = self.range_ms()
        if not self.step.strip():
            return max(MIN_STEP_MS, span_ms // AUTOMATIC_POINTS)
        found = _length_ms(self.step)
        if found <= 0:
            raise InputError("the step is not positive", advice="leave it empty, or write 30s")
        if span_ms // found > MAX_POINTS:
            raise InputError(
                f"{span_ms // found:,} points a series are more than {MAX_POINTS:,}",
                advice=f"a step of {format_duration(-(-span_ms // MAX_POINTS))} or longer is fine",
            )
        return found

    def end_ms(self, now_ms: int) -> int:
        """Where the graph ends. Raises InputError."""
        return moment_ms(self.end, "end", now_ms)

    def moment_ms(self, now_ms: int) -> int:
        """When the table is of. Raises InputError."""
        return moment_ms(self.moment, "time", now_ms)

    def moved(self, halves: int, now_ms: int) -> QueryForm:
        """The graph as many half ranges later; what would end in the future ends now."""
        end_ms = self.end_ms(now_ms) + halves * self.range_ms() // 2
        return replace(self, end="" if end_ms >= now_ms or end_ms <= 0 else time_text(end_ms))


def form_of(given: Mapping[str, str]) -> QueryForm:
    """The first panel of a link."""
    return QueryForm(
        expr=given.get("g0.expr", "").strip(),
        tab=_TABS.get(given.get("g0.tab", ""), "table"),
        range_text=given.get("g0.range_input", "").strip() or DEFAULT_RANGE,
        end=given.get("g0.end_input", "").strip(),
        moment=given.get("g0.moment_input", "").strip(),
        step=(given.get("g0.step_input") or given.get("g0.res_step") or "").strip(),
    )


def further(given: Mapping[str, str]) -> list[QueryForm]:
    """The other panels of a link, each as a page of its own."""
    found = []
    for number in range(1, MAX_PANELS):
        start = f"g{number}."
        own = {f"g0.{k[len(start) :]}": v for k, v in given.items() if k.startswith(start)}
        if own.get("g0.expr", "").strip():
            found.append(form_of(own))
    return found


def _length_ms(text: str) -> int:
    try:
        seconds = float(text)
    except ValueError:
        return parse_duration_ms(text)
    return round(seconds * 1000) if math.isfinite(seconds) else 0
