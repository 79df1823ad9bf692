"""What a specification would have sent over a stretch of the past: the form, and its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.durations import format_duration, parse_duration_ms
from dashboards.render.charts import Line, Threshold, line_chart
from dashboards.render.svg import to_svg
from slo.backtest import Source, backtest
from slo.config import SloConfig
from slo.objective import Objective
from slo.replay import Replay
from slo.specs import objectives_of
from slo.specs.writers import WRITERS, as_yaml
from tocsin.moments import moment_ms
from tocsin.web import texts
from tocsin.web.forms import required
from tocsin.web.tiles import Tile

EXAMPLE = """version: tocsin/v1
service: shop
objective: 99.9%
bad: http_requests_total{job="shop", code=~"5.."}
total: http_requests_total{job="shop"}
"""
DEFAULTS = {"from": "7d", "to": "now", "tick": "1m"}
SENT_SHOWN = 100
OBJECTIVES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class SentRow:
    """One page or ticket."""

    severity: str
    begins_ms: int
    lasted: str
    tier: str
    burn: str
    spent: str
    tone: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One objective over the stretch; `chart` is SVG, or "" where there is none."""

    name: str
    tiles: Sequence[Tile]
    sent: Sequence[SentRow]
    more: int
    chart: str


def backtest_view(objectives: Sequence[Objective], chosen: str) -> Mapping[str, object]:
    """The values of `backtest.html` before anything was asked; `chosen` fills in an objective."""
    wanted = [one for one in objectives if one.id == chosen]
    spec = as_yaml(WRITERS["tocsin"](wanted)) if wanted else EXAMPLE
    return {"form": {**DEFAULTS, "spec": spec}, "answers": [], "more": 0, "stretch": ""}


def backtest_answer(
    form: Mapping[str, str], source: Source, config: SloConfig, now_ms: int
) -> Mapping[str, object]:
    """The same with its answer. Raises InputError and ConfigError for what can't be replayed."""
    (spec,) = required(form, "spec")
    asked = {name: form.get(name, "").strip() or default for name, default in DEFAULTS.items()}
    start_ms = moment_ms(asked["from"], "from", now_ms)
    end_ms = moment_ms(asked["to"], "to", now_ms)
    tick_ms = max(1000, parse_duration_ms(asked["tick"]))
    objectives = objectives_of(spec, "the specification")
    found = list(backtest(objectives, source, start_ms, end_ms, tick_ms, config.tiers()))
    return {
        "form": {**asked, "spec": spec},
        "answers": [_answer(one) for one in found[:OBJECTIVES_SHOWN]],
        "more": max(0, len(found) - OBJECTIVES_SHOWN),
        "stretch": f"{texts.iso(start_ms)} to {texts.iso(end_ms)}, judged every {asked['tick']}",
    }


def _answer(one: Replay) -> Answer:
    pages, tickets = len(one.of("page")), len(one.of("ticket"))
    tone = "bad" if one.left_ratio <= 0 else "warn" if one.left_ratio < 0.25 else "good"
    bad = f"{texts.count(one.bad)} bad of {texts.count(one.total)}"
    tiles = [
        Tile("Pages", str(pages), "would have woken somebody", "bad" if pages else "good"),
        Tile("Tickets", str(tickets), "for working hours", "warn" if tickets else "good"),
        Tile("Budget left", texts.percent(one.left_ratio, 1), "at the end of the stretch", tone),
        Tile("Events", texts.count(one.total), bad),
    ]
    sent = [
        SentRow(
            severity=each.severity,
            begins_ms=each.begins_ms,
            lasted="still burns"
            if each.ends_ms is None
            else format_duration(each.ends_ms - each.begins_ms),
            tier=each.tier.text,
            burn=texts.burn(each.burn_rate),
            spent=texts.percent(each.spent_ratio, 1),
            tone="bad" if each.severity == "page" else "warn",
        )
        for each in one.sent[:SENT_SHOWN]
    ]
    return Answer(one.objective.id, tiles, sent, max(0, len(one.sent) - SENT_SHOWN), _chart(one))


def _chart(one: Replay) -> str:
    """The budget by day (SVG); nothing of a single day, which has no course."""
    if len(one.days) < 2:
        return ""
    times = np.array([day.start_ms for day in one.days], np.int64)
    left = np.array([day.left_ratio for day in one.days], np.float64)
    lines = [Line("budget left", times, left)]
    title = "Error budget left at the end of each day"
    return to_svg(
        line_chart(lines, title, "percentunit", [Threshold(0.0, "spent")], in_view=[0.0, 1.0])
    )
