"""Budget, burn and history of objectives: one overview, one board for each."""

from __future__ import annotations

import hashlib
import re

from dashboards.board import Board, Panel, Query, Row, Threshold, Variable
from slo.objective import Objective

BUDGET = (Threshold(None, "bad"), Threshold(0.0, "warn"), Threshold(0.25, "good"))
BURN = (Threshold(None, "good"), Threshold(1.0, "warn"), Threshold(6.0, "bad"))
WINDOWS = "5m|30m|1h|6h|1d|3d"
MAX_UID = 40
"""Grafana's own limit."""


def slo_overview() -> Board:
    """All objectives, least budget first."""
    chosen = '{service=~"$service"}'
    return Board(
        uid="tocsin-slo-overview",
        title="SLO overview",
        description="Every objective, its budget and how fast it burns.",
        tags=("tocsin", "slo"),
        variables=(Variable("service", "service", "tocsin_slo_objective_ratio", "Service"),),
        rows=(
            Row("Is it OK?", _overview_stats(chosen)),
            Row("Objectives", (_overview_table(chosen),)),
            Row(
                "Burn",
                (
                    Panel(
                        "The five that burn fastest",
                        "timeseries",
                        "Burn rates over the last hour; 1 spends the budget exactly.",
                        (
                            Query(
                                'topk(5, tocsin_slo_burn_rate{service=~"$service",window="1h"})',
                                "{{service}} {{slo}}",
                            ),
                        ),
                        unit="x",
                        width=12,
                        height=9,
                        thresholds=BURN,
                        minimum=0,
                    ),
                    Panel(
                        "Budget left",
                        "timeseries",
                        "Share of each error budget that is left over its window.",
                        (
                            Query(
                                f"tocsin_slo_budget_remaining_ratio{chosen}", "{{service}} {{slo}}"
                            ),
                        ),
                        unit="percentunit",
                        width=12,
                        height=9,
                        maximum=1,
                    ),
                ),
            ),
        ),
    )


def _overview_stats(chosen: str) -> tuple[Panel, ...]:
    left = f"tocsin_slo_budget_remaining_ratio{chosen}"
    count = (Threshold(None, "good"), Threshold(1, "bad"))
    return (
        Panel(
            "Objectives",
            "stat",
            "How many objectives are watched.",
            (Query(f"count({left})", "objectives", instant=True),),
            width=6,
            height=4,
        ),
        Panel(
            "Budget spent",
            "stat",
            "Objectives whose whole error budget is gone.",
            (Query(f"count({left} <= 0) or vector(0)", "spent", instant=True),),
            width=6,
            height=4,
            thresholds=count,
        ),
        Panel(
            "Under a quarter left",
            "stat",
            "Objectives with less than 25 % of their budget.",
            (Query(f"count({left} < 0.25) or vector(0)", "low", instant=True),),
            width=6,
            height=4,
            thresholds=count,
        ),
        Panel(
            "Fastest burn, 1 h",
            "stat",
            "The highest burn rate over the last hour.",
            (
                Query(
                    'max(tocsin_slo_burn_rate{service=~"$service",window="1h"})',
                    "burn",
                    instant=True,
                ),
            ),
            unit="x",
            width=6,
            height=4,
            thresholds=BURN,
        ),
    )


def _overview_table(chosen: str) -> Panel:
    return Panel(
        "Objectives by budget left",
        "table",
        "One line for each objective; the budget is counted event by event.",
        (
            Query(f"sort(tocsin_slo_budget_remaining_ratio{chosen})", "Budget left", instant=True),
            Query(f"tocsin_slo_objective_ratio{chosen}", "Objective", instant=True),
            Query('tocsin_slo_burn_rate{service=~"$service",window="1h"}', "Burn 1h", instant=True),
        ),
        unit="percentunit",
        width=24,
        height=10,
        thresholds=BUDGET,
        columns={"A": "Budget left", "B": "Objective", "C": "Burn 1h"},
    )


def slo_detail(objective: Objective) -> Board:
    """One objective: what is left, how fast it goes, what was bad."""
    me = f'service="{objective.service}",slo="{objective.name}"'
    return Board(
        uid=board_uid(objective),
        title=f"SLO {objective.service} {objective.name}",
        description=objective.description or f"Objective {objective.name} of {objective.service}.",
        tags=("tocsin", "slo", objective.service),
        rows=(
            Row("Is it OK?", _detail_stats(me)),
            Row("Budget", _detail_budget(me)),
            Row("Events", _detail_events(me)),
        ),
    )


def board_uid(objective: Objective) -> str:
    """A stable uid within Grafana's 40 characters: readable, with a hash where it must be cut."""
    text = re.sub(r"[^a-zA-Z0-9-]+", "-", f"tocsin-slo-{objective.service}-{objective.name}")
    if len(text) <= MAX_UID:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{text[: MAX_UID - 9]}-{digest}"


def _detail_stats(me: str) -> tuple[Panel, ...]:
    return (
        Panel(
            "Budget left",
            "stat",
            "Share of the error budget left over its window.",
            (Query(f"tocsin_slo_budget_remaining_ratio{{{me}}}", "left", instant=True),),
            unit="percentunit",
            width=6,
            height=4,
            thresholds=BUDGET,
        ),
        Panel(
            "Objective",
            "stat",
            "The share of good events that was promised.",
            (Query(f"tocsin_slo_objective_ratio{{{me}}}", "objective", instant=True),),
            unit="percentunit",
            width=6,
            height=4,
            decimals=3,
        ),
        Panel(
            "SLI, 1 h",
            "stat",
            "The share of good events in the last hour.",
            (Query(f'tocsin_slo_sli_ratio{{{me},window="1h"}}', "SLI", instant=True),),
            unit="percentunit",
            width=6,
            height=4,
            decimals=3,
        ),
        Panel(
            "Burn, 1 h",
            "stat",
            "1 spends the budget exactly within its window.",
            (Query(f'tocsin_slo_burn_rate{{{me},window="1h"}}', "burn", instant=True),),
            unit="x",
            width=6,
            height=4,
            thresholds=BURN,
        ),
    )


def _detail_budget(me: str) -> tuple[Panel, ...]:
    tiers = (Threshold(None, "good"), Threshold(1.0, "warn"), Threshold(6.0, "bad"))
    return (
        Panel(
            "Error budget",
            "timeseries",
            "What is left of the budget, over time.",
            (Query(f"tocsin_slo_budget_remaining_ratio{{{me}}}", "left"),),
            unit="percentunit",
            width=12,
            height=9,
            maximum=1,
            thresholds=BUDGET,
            show_thresholds=True,
        ),
        Panel(
            "Burn rate by window",
            "timeseries",
            "A page needs a long and a short window over their factor (14.4 or 6).",
            (Query(f'tocsin_slo_burn_rate{{{me},window=~"{WINDOWS}"}}', "{{window}}"),),
            unit="x",
            width=12,
            height=9,
            minimum=0,
            thresholds=tiers,
            show_thresholds=True,
        ),
    )


def _detail_events(me: str) -> tuple[Panel, ...]:
    return (
        Panel(
            "Events",
            "timeseries",
            "Good and bad events a second.",
            (
                Query(f"rate(tocsin_slo_good_events_total{{{me}}}[$__rate_interval])", "good"),
                Query(f"rate(tocsin_slo_bad_events_total{{{me}}}[$__rate_interval])", "bad"),
            ),
            unit="cps",
            width=12,
            height=9,
            minimum=0,
            stacked=True,
        ),
        Panel(
            "SLI by window",
            "timeseries",
            "The share of good events.",
            (Query(f'tocsin_slo_sli_ratio{{{me},window=~"5m|1h|6h"}}', "{{window}}"),),
            unit="percentunit",
            width=12,
            height=9,
            decimals=3,
        ),
    )
