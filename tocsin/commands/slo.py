"""`tocsin slo list` and `rules`: budgets of a running tocsin; objectives as Prometheus rules."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from collector.model.errors import InputError
from tocsin.commands.client import DEFAULT_URL, get
from tocsin.commands.output import Output, emit
from tocsin.packs import EMBEDDED_CONFIG


def list_slos(
    url: str = typer.Option(DEFAULT_URL, envvar="TOCSIN_URL", help="Where tocsin is."),
    output: Output = Output.table,
) -> None:
    """Every objective with its budget, least left first."""
    answer = get(url, "/api/tocsin/v1/slos")
    slos = answer.get("slos") if isinstance(answer, dict) else None
    if not isinstance(slos, list):
        raise InputError(f"{url} is no tocsin: its answer has no list of SLOs")
    if output is Output.json:
        emit(slos, output)
        return
    ordered = sorted(slos, key=lambda one: float(one["budget_left_ratio"]))
    emit([_row(one) for one in ordered], output)


def _row(one: dict[str, object]) -> dict[str, object]:
    left = float(str(one["budget_left_ratio"]))
    filled = round(10 * min(1.0, max(0.0, left)))
    return {
        "slo": f"{one['service']}/{one['slo']}",
        "state": one["state"],
        "budget left": f"{'█' * filled}{'░' * (10 - filled)} {left:7.1%}",
        "bad": f"{one['bad']:,}",
        "total": f"{one['total']:,}",
        "objective": f"{float(str(one['objective'])):.6g}",
    }


def slo_rules(
    config: Path = typer.Option(EMBEDDED_CONFIG, "--config", "-c", help="Configuration file."),
) -> None:
    """Print the objectives as Prometheus recording and alerting rules (YAML)."""
    from slo.prometheus_rules import rules_yaml
    from tocsin.config import load_config

    loaded = load_config(config, {"TOCSIN_ADDRESS": "127.0.0.1:9900", **os.environ})
    typer.echo(rules_yaml(loaded.objectives), nl=False)
