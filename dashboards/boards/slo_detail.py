"""One objective: what is left of its budget, how fast it goes, which alert that is, and why."""

from __future__ import annotations

import hashlib
import re

from dashboards.board import Board, Link, Panel, Query, Row, ValueText
from dashboards.boards.panels import lines, stat
from dashboards.boards.slo import BUDGET, BURN, TAG, paging_burn, sli_in_range
from slo.objective import Objective

MAX_UID = 40
"""Grafana's own limit."""
_DIGEST = 8


def slo_detail(objective: Objective) -> Board:
    """The board of one objective."""
    me = objective.matching
    return Board(
        uid=board_uid(objective),
        title=f"SLO {objective.service} {objective.title}",
        description=objective.description or f"Objective {objective.name} of {objective.service}.",
        tags=("tocsin", TAG, objective.service),
        links=_links(objective),
        rows=(
            Row("Is it OK?", _stats(objective, me)),
            Row("Budget", _budget(objective, me)),
            Row("Burn", _burn(me)),
            Row("Events", _events(me)),
        ),
    )


def board_uid(objective: Objective) -> str:
    """A stable uid within Grafana's 40 characters, `tocsin-slo-<service>-<name>` where that is one.

    It ends in a hash where a character had to go, the end was cut off, or another service and name
    could read the same (a service with a hyphen in it).
    """
    whole = f"tocsin-slo-{objective.service}-{objective.title}"
    text = re.sub(r"[^a-zA-Z0-9_-]+", "-", whole)
    if text == whole and len(text) <= MAX_UID and "-" not in objective.service:
        return text
    digest = hashlib.sha256(objective.id.encode()).hexdigest()[:_DIGEST]
    return f"{text[: MAX_UID - _DIGEST - 1]}-{digest}"


def _links(objective: Objective) -> tuple[Link, ...]:
    menu = Link("SLOs", tag=TAG)
    return (Link("Runbook", objective.runbook_url), menu) if objective.runbook_url else (menu,)


def _stats(objective: Objective, me: str) -> tuple[Panel, ...]:
    left = f"max(tocsin_slo_budget_remaining_ratio{{{me}}})"
    window_seconds = objective.window.duration_ms / 1000
    outage_seconds = window_seconds * (1 - objective.ratio)
    burn = f"max({paging_burn(me)})"
    text = objective.window.text
    return (
        stat(
            "Budget left now",
            f"Share of the error budget that is left over {text}.",
            left,
            unit="percentunit",
            thresholds=BUDGET,
            decimals=1,
        ),
        stat(
            "Full outage left",
            "How long everything may fail until the budget is spent.",
            f"clamp_min({left}, 0) * {outage_seconds:.10g}",
            unit="s",
            decimals=1,
        ),
        stat(
            "Objective",
            f"The share of good events that was promised over {text}.",
            f"max(tocsin_slo_objective_ratio{{{me}}})",
            unit="percentunit",
            decimals=3,
        ),
        stat(
            "SLI",
            "The share of good events in the range that is shown.",
            sli_in_range(me),
            unit="percentunit",
            decimals=3,
            no_value="no events",
        ),
        stat(
            "Burn rate",
            "The highest over the long windows of the pages; 1 spends the budget exactly.",
            burn,
            unit="x",
            thresholds=BURN,
            decimals=2,
        ),
        stat(
            "Budget lasts",
            f"Until it is spent, if this goes on; {text} stands for {text} and longer.",
            f"clamp_max(clamp_min({left}, 0) * {window_seconds:.10g} / {burn}, "
            f"{window_seconds:.10g})",
            unit="s",
            decimals=1,
        ),
    )


def _budget(objective: Objective, me: str) -> tuple[Panel, ...]:
    bad = f"sum(rate(tocsin_slo_bad_events_total{{{me}}}[$__rate_interval]))"
    total = f"sum(rate(tocsin_slo_events_total{{{me}}}[$__rate_interval]))"
    return (
        Panel(
            "Error budget",
            "timeseries",
            f"What is left of the budget over {objective.window.text}, at each moment; "
            "below 0 it is overspent.",
            (Query(f"max(tocsin_slo_budget_remaining_ratio{{{me}}})", "left"),),
            unit="percentunit",
            width=12,
            maximum=1,
            thresholds=BUDGET,
            show_thresholds=True,
        ),
        lines(
            "Share of bad events",
            "Over the dashed line the budget is spent faster than it comes back.",
            Query(f"{bad} / ({total} > 0)", "bad"),
            Query(f"1 - max(tocsin_slo_objective_ratio{{{me}}})", "allowed", limit=True),
            unit="percentunit",
            width=12,
        ),
    )


def _burn(me: str) -> tuple[Panel, ...]:
    factor = f"tocsin_slo_burn_rate_threshold{{{me}}}"
    over = f"tocsin_slo_burn_rate{{{me}}} > bool on (service, slo, window) group_right () {factor}"
    return (
        lines(
            "Burn rate by window",
            "An alert needs its long and its short window over its factor (dashed).",
            Query(f"max by (window) (tocsin_slo_burn_rate{{{me}}})", "{{window}}"),
            Query(f"max by (severity, window) ({factor})", "{{severity}} {{window}}", limit=True),
            unit="x",
            width=12,
        ),
        Panel(
            "Over the alerts' factors",
            "statetimeline",
            "When the burn rate over each alert's long window was past its factor.",
            (Query(f"max by (severity, window) ({over})", "{{severity}} {{window}}"),),
            width=12,
            texts=(ValueText(0, "under", "good"), ValueText(1, "over", "bad")),
        ),
        Panel(
            "Burn rate now",
            "bargauge",
            "Over each window; 1 spends the budget exactly within its own window.",
            (Query(f"max by (window) (tocsin_slo_burn_rate{{{me}}})", "{{window}}", instant=True),),
            unit="x",
            width=12,
            minimum=0,
            thresholds=BURN,
            decimals=2,
        ),
        lines(
            "Anomaly score",
            "How unlike its past each series of the indicator is: 0 is usual, 1 was never seen.",
            Query(f"max by (watch, metric) (tocsin_anomaly_score{{{me}}})", "{{watch}} {{metric}}"),
            width=12,
            maximum=1,
            no_value="Nothing is scored yet: models are still learning",
        ),
    )


def _events(me: str) -> tuple[Panel, ...]:
    good = f"sum(rate(tocsin_slo_good_events_total{{{me}}}[$__rate_interval]))"
    bad = f"sum(rate(tocsin_slo_bad_events_total{{{me}}}[$__rate_interval]))"
    return (
        lines(
            "Events",
            "Good and bad events a second.",
            Query(good, "good"),
            Query(bad, "bad"),
            unit="cps",
            width=12,
            stacked=True,
        ),
        lines(
            "SLI by window",
            "The share of good events over each window; dashed is the objective.",
            Query(f"max by (window) (tocsin_slo_sli_ratio{{{me}}})", "{{window}}"),
            Query(f"max(tocsin_slo_objective_ratio{{{me}}})", "objective", limit=True),
            unit="percentunit",
            width=12,
            minimum=None,
            maximum=1,
        ),
    )
