"""`tocsin slo gate` and `why`: may a service be changed; who used the budget."""

from __future__ import annotations

from typing import Any

import typer

from tocsin.commands.client import URL, answer_of, get
from tocsin.commands.output import Output, emit
from tocsin.moments import time_text


def slo_gate(
    service: str = typer.Argument(help="The service that is to be changed."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Exit 0 when a service may be changed now, 1 when it pages or has no budget left."""
    gate: Any = answer_of(url, "/api/tocsin/v1/slos/gate", {"service": service}, (200, 409))
    word = "open" if gate["open"] else "shut"
    lines = [f"{service}: the gate is {word}", *(f"    {one}" for one in gate["reasons"])]
    emit([gate], output, plain=lambda: typer.echo("\n".join(lines)))
    if not gate["open"]:
        raise typer.Exit(1)


def slo_why(
    slo: str = typer.Argument(help="An objective, as service/name."),
    window: str = typer.Option("1h", help="How far to look back."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Which label values had the bad events, most first."""
    found: Any = get(url, f"/api/tocsin/v1/slos/{slo}/attribution", {"window": window})
    shares = found["shares"]
    emit([found] if output is Output.json else [_row(one) for one in shares], output)
    if output is Output.table:
        typer.echo("\n".join(_deploys(found)), err=True)


def _deploys(found: dict[str, Any]) -> list[str]:
    """What was deployed shortly before the burn began, in words; nothing without a burn."""
    began_ms = found["burn_began_ms"]
    if began_ms is None:
        return []
    lines = [f"the burn began at {time_text(began_ms)}"]
    for one in found["deploys"]:
        minutes = (began_ms - one["at_ms"]) / 60_000
        when = f"{minutes:.0f} min before" if minutes >= 1 else "at that time"
        told = " ".join(filter(None, (one["service"], one["version"], one["note"], one["url"])))
        lines.append(f"    deployed {when}: {told}")
    return lines


def _row(share: dict[str, Any]) -> dict[str, object]:
    ratio = share["bad"] / share["total"] if share["total"] else 0.0
    return {
        "label": share["label"],
        "value": share["value"],
        "bad": f"{share['bad']:,.0f}",
        "total": f"{share['total']:,.0f}",
        "of all bad": f"{share['of_bad_ratio']:.1%}",
        "of its own": f"{ratio:.3%}",
    }
