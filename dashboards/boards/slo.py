"""Budget, burn and history of all objectives on one board: which of them needs someone?"""

from __future__ import annotations

from dashboards.board import Board, Column, Link, Panel, Query, Row, Threshold, Variable
from dashboards.boards.panels import OK_UNTIL_ONE, lines, stat

TAG = "slo"
BUDGET = (Threshold(None, "bad"), Threshold(0.0, "warn"), Threshold(0.25, "good"))
BURN = (Threshold(None, "good"), Threshold(1.0, "warn"), Threshold(6.0, "bad"))

CHOSEN = 'service=~"$service"'
LEFT = f"max by (service, slo) (tocsin_slo_budget_remaining_ratio{{{CHOSEN}}})"
NAME = "{{service}} {{slo}}"


def paging_burn(chosen: str) -> str:
    """The highest burn rate of each objective over the long windows of its pages (1 h and 6 h)."""
    return (
        f"max by (service, slo) (tocsin_slo_burn_rate{{{chosen}}} and on (service, slo, window) "
        f'tocsin_slo_burn_rate_threshold{{{chosen},severity="page"}})'
    )


def bad_in_range(chosen: str) -> str:
    """Bad events of each objective in the range that is shown."""
    return f"sum by (service, slo) (increase(tocsin_slo_bad_events_total{{{chosen}}}[$__range]))"


def sli_in_range(chosen: str) -> str:
    """The share of good events in the range that is shown; nothing without an event."""
    total = f"sum by (service, slo) (increase(tocsin_slo_events_total{{{chosen}}}[$__range]))"
    return f"1 - {bad_in_range(chosen)} / ({total} > 0)"


def slo_overview() -> Board:
    """All objectives, least budget first."""
    return Board(
        uid="tocsin-slo-overview",
        title="SLO overview",
        description="Every objective, its budget and how fast it burns.",
        tags=("tocsin", TAG),
        variables=(Variable("service", "service", "tocsin_slo_objective_ratio", "Service"),),
        links=(Link("SLOs", tag=TAG),),
        rows=(
            Row("Is it OK?", _stats()),
            Row("Objectives", (_table(),)),
            Row("Budget", _budget()),
            Row("Burn", _burn()),
        ),
    )


def _stats() -> tuple[Panel, ...]:
    over_factor = (
        f"tocsin_slo_burn_rate{{{CHOSEN}}} > on (service, slo, window) "
        f'tocsin_slo_burn_rate_threshold{{{CHOSEN},severity="page"}}'
    )
    return (
        stat("Objectives", "How many objectives are watched.", f"count({LEFT})"),
        stat(
            "Healthy",
            "Objectives with at least 25 % of their error budget left.",
            f"count({LEFT} >= 0.25) or vector(0)",
        ),
        stat(
            "At risk",
            "Objectives with some budget left, but less than 25 %.",
            f"count({LEFT} > 0 < 0.25) or vector(0)",
            thresholds=(Threshold(None, "good"), Threshold(1, "warn")),
        ),
        stat(
            "Budget spent",
            "Objectives whose whole error budget is gone.",
            f"count({LEFT} <= 0) or vector(0)",
            thresholds=OK_UNTIL_ONE,
        ),
        stat(
            "Over a page's factor",
            "Objectives whose burn rate over a long window is past the factor of a page.",
            f"count(count by (service, slo) ({over_factor})) or vector(0)",
            thresholds=OK_UNTIL_ONE,
        ),
        stat(
            "Fastest burn",
            "The highest burn rate over the long windows of the pages.",
            f"max({paging_burn(CHOSEN)})",
            unit="x",
            thresholds=BURN,
            decimals=2,
        ),
    )


def _table() -> Panel:
    objective = f"max by (service, slo) (tocsin_slo_objective_ratio{{{CHOSEN}}})"
    asked = (LEFT, objective, sli_in_range(CHOSEN), paging_burn(CHOSEN), bad_in_range(CHOSEN))
    return Panel(
        "Objectives by budget left",
        "table",
        "One line for each objective. Budgets are counted event by event over their own window; "
        "SLI and bad events are those of the range that is shown.",
        tuple(Query(expr, instant=True) for expr in asked),
        width=24,
        height=10,
        columns=(
            Column("Budget left", "percentunit", BUDGET, decimals=1, bar=True),
            Column("Objective", "percentunit", decimals=3),
            Column("SLI", "percentunit", decimals=3),
            Column("Burn rate", "x", BURN, decimals=2),
            Column("Bad events", "short", decimals=0),
        ),
        sort_by="Budget left",
    )


def _budget() -> tuple[Panel, ...]:
    return (
        Panel(
            "Budget by objective",
            "statetimeline",
            "A line for each objective: green with 25 % of its budget or more, red when spent.",
            (Query(LEFT, NAME),),
            unit="percentunit",
            width=12,
            thresholds=BUDGET,
        ),
        lines(
            "Budget left",
            "Share of each error budget that is left over its window; below 0 it is overspent.",
            Query(LEFT, NAME),
            unit="percentunit",
            width=12,
            minimum=None,
            maximum=1,
        ),
    )


def _burn() -> tuple[Panel, ...]:
    bad_rate = (
        f"sum by (service, slo) (rate(tocsin_slo_bad_events_total{{{CHOSEN}}}[$__rate_interval]))"
    )
    return (
        lines(
            "The five that burn fastest",
            "Highest burn rate over the long windows of the pages; 1 spends the budget exactly.",
            Query(f"topk(5, {paging_burn(CHOSEN)})", NAME),
            unit="x",
        ),
        lines(
            "The five with most bad events",
            "Bad events a second.",
            Query(f"topk(5, {bad_rate})", NAME),
            unit="cps",
        ),
        lines(
            "The five oddest",
            "Anomaly score of the indicators: 0 is usual, 1 was never seen.",
            Query(
                f'topk(5, max by (service, slo) (tocsin_anomaly_score{{{CHOSEN},slo!=""}}))', NAME
            ),
            maximum=1,
            no_value="Nothing is scored yet: models are still learning",
        ),
    )
