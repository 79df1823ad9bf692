"""`tocsin slo budget`, `burn` and `history`: one objective's figures, now and over time."""

from __future__ import annotations

from typing import Any

import typer

from collector.model.clock import SystemClock
from collector.model.durations import format_duration, parse_duration_ms
from tocsin.commands.client import URL, get
from tocsin.commands.output import Output, emit
from tocsin.commands.times import option_ms
from tocsin.moments import time_text

PATH = "/api/tocsin/v1/slos"
ROWS = 60
"""Rows of a history without a step: what a terminal shows."""


def slo_budget(
    slo: str = typer.Argument(help="An objective, as service/name."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """An objective's budget: events, what is left, and the figures without corrections."""
    found: Any = get(url, f"{PATH}/{slo}/budget")
    left = found["exhausted_in_seconds"]
    figures = {
        "window": found["window"],
        "bad events": f"{found['bad']:,.0f} of {found['total']:,.0f}",
        "allowed": f"{found['allowed_events']:,.1f}",
        "left": f"{found['left_ratio']:.2%}, {found['left_events']:,.1f} events",
        "gone in": "" if left is None else format_duration(round(left * 1000)),
        "SLI": f"{found['sli_ratio']:.5%}",
        "known": f"{found['coverage_ratio']:.1%} of the window",
        "left out": f"{found['excluded_ratio']:.2%} of the window",
        "without corrections": f"{found['raw']['left_ratio']:.2%} left",
    }
    rows = [{"figure": name, "value": value} for name, value in figures.items()]
    emit([found] if output is Output.json else rows, output)


def slo_burn(
    slo: str = typer.Argument(help="An objective, as service/name."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """An objective's burn rates, tier by tier, with their factors and odds."""
    found: Any = get(url, f"{PATH}/{slo}/burn")
    rows = [
        {
            "severity": one["severity"],
            "long": f"{one['long_burn_rate']:.3g}x over {one['long_window']}",
            "short": f"{one['short_burn_rate']:.3g}x over {one['short_window']}",
            "factor": f"{one['factor']:g}x",
            "state": "burns" if one["is_burning"] else "",
        }
        for one in found["tiers"]
    ]
    emit([found] if output is Output.json else rows, output)


def slo_history(
    slo: str = typer.Argument(help="An objective, as service/name."),
    since: str = typer.Option("1d", "--from", help="RFC 3339, Unix time, or how long ago."),
    until: str = typer.Option("", "--to", help="RFC 3339, Unix time, or how long ago; else now."),
    step: str = typer.Option("", help="Time between rows; a sixtieth without it."),
    raw: bool = typer.Option(False, "--raw", help="As if there were no corrections."),
    rewrite: bool = typer.Option(False, "--rewrite", help="Judge all by the objective of now."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Events, budget and burn rate of an objective over time."""
    now_ms = SystemClock().now_ms()
    start_ms, end_ms = option_ms(since, "--from", now_ms), option_ms(until, "--to", now_ms)
    step_ms = parse_duration_ms(step) if step else max(1000, (end_ms - start_ms) // ROWS)
    asked = {
        "start_ms": str(start_ms),
        "end_ms": str(end_ms),
        "step": format_duration(step_ms),
        "raw": str(raw).lower(),
        "rewrite": str(rewrite).lower(),
    }
    found: Any = get(url, f"{PATH}/{slo}/history", asked)
    hour = found["burn_rates"].get("1h", [0.0] * len(found["times_ms"]))
    names = ("times_ms", "bad", "total", "budget_left_ratio", "revisions")
    columns = (*(found[name] for name in names), hour)
    rows = [
        {
            "until": time_text(at_ms),
            "bad": f"{bad:,.0f}",
            "total": f"{total:,.0f}",
            "budget left": f"{left:.2%}",
            "burn 1h": f"{rate:.3g}x",
            "revision": revision,
        }
        for at_ms, bad, total, left, revision, rate in zip(*columns, strict=True)
    ]
    emit([found] if output is Output.json else rows, output)
