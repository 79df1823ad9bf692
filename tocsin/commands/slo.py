"""`tocsin slo list`, `show`, `rules`: budgets of a running tocsin; Prometheus rules of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import typer

from collector.model.errors import InputError
from tocsin.commands.client import URL, get, get_text
from tocsin.commands.output import Output, emit
from tocsin.moments import time_text
from tocsin.packs import EMBEDDED_CONFIG

BAR_CELLS = 10


def list_slos(
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Every objective with its budget, least left first."""
    answer = get(url, "/api/tocsin/v1/slos")
    slos = answer.get("slos") if isinstance(answer, dict) else None
    if not isinstance(slos, list):
        raise InputError(f"{url} is no tocsin: its answer has no list of SLOs")
    emit(slos if output is Output.json else [_row(one) for one in slos], output)


def show_slo(
    slo: str = typer.Argument(help="An objective, as service/name."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """One objective: its budget, what it is made of, and what it is a part of."""
    one: Any = get(url, f"/api/tocsin/v1/slos/{quote(slo)}")
    if not isinstance(one, dict) or not isinstance(one.get("budget"), dict):
        raise InputError(
            f"no objective {slo!r}", advice="name it service/name, as `tocsin slo list` does"
        )
    emit([one], output, plain=lambda: typer.echo("\n".join(_told(one))))


def _told(slo: dict[str, Any]) -> list[str]:
    lines = [f"{name:12} {value}" for name, value in _row(slo).items() if name != "made of"]
    late = slo["budget"]["late"]
    if late:
        since, until = time_text(late["from_ms"]), time_text(late["until_ms"])
        events = f"{late['total']:,.0f} events, {late['bad']:,.0f} bad"
        lines.append(
            f"{'late':12} {events}, over gaps from {since} to {until}: {len(late['gaps'])}"
        )
    composite = slo["composite"]
    if composite:
        every = f", in slices of {composite['slice']}" if composite["slice"] else ""
        lines.append(f"{'made of':12} {composite['text']}{every}")
        for part in composite["parts"]:
            left = "" if part["left_ratio"] is None else f" {part['left_ratio']:.1%} left"
            lines.append(f"{'':12}   {part['id']}: {part['state'] or 'in groups'}{left}")
    lines += [f"{'part of':12} {id_}" for id_ in slo["part_of"]]
    lines += [f"{name:12} {text}" for name, text in slo["queries"].items() if not composite]
    return lines + [f"{'warning':12} {text}" for text in slo["warnings"]]


def _row(slo: dict[str, Any]) -> dict[str, object]:
    budget = slo["budget"]
    left = float(budget["left_ratio"])
    filled = round(BAR_CELLS * min(1.0, max(0.0, left)))
    return {
        "slo": slo["id"],
        "state": slo["state"],
        "budget left": f"{'█' * filled}{'░' * (BAR_CELLS - filled)} {left:.1%}",
        "bad": f"{budget['bad']:,.0f}",
        "total": f"{budget['total']:,.0f}",
        "objective": f"{slo['objective'] * 100:.6g} %",
        "burn 1h": f"{slo['burn_rates'].get('1h', 0):.3g}x",
        "made of": slo["composite"]["text"] if slo["composite"] else "",
    }


def slo_rules(
    config: Path = typer.Option(EMBEDDED_CONFIG, "--config", "-c", help="Configuration file."),
    url: str = typer.Option("", envvar="TOCSIN_URL", help="Those of a running tocsin instead."),
) -> None:
    """Print the objectives as Prometheus recording and alerting rules (YAML).

    With --url a latency between two buckets is interpolated; without, its bucket must be there.
    """
    if url:
        typer.echo(get_text(url, "/api/tocsin/v1/slos/rules"), nl=False)
        return
    from slo.prometheus_rules import rules_yaml
    from tocsin.config import load_config

    loaded = load_config(config, {"TOCSIN_ADDRESS": "127.0.0.1:9900", **os.environ})
    typer.echo(rules_yaml(loaded.objectives), nl=False)
