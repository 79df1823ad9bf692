"""`tocsin alerts why` and `history`: why an alert is told or not, and what happened when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import typer

from tocsin.commands.client import URL, Parameters, get
from tocsin.commands.output import Output, emit
from tocsin.commands.times import option_ms
from tocsin.moments import time_text

PATH = "/api/tocsin/v1"


def why(
    labels: list[str] = typer.Argument(None, help="Labels of the alert: name=value …"),
    fingerprint: str = typer.Option("", help="An alert that tocsin holds, instead of labels."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Show the way of an alert, live or thought up: routes, groups, who is told and who is not."""
    parameters: Parameters = {"label": list(labels or ()), "fingerprint": fingerprint}
    found: Any = get(url, f"{PATH}/alerts/why", parameters)
    emit([found], output, lambda: typer.echo("\n".join(why_lines(found))))


def history(
    contains: str = typer.Argument("", help="Only what has this text."),
    kind: list[str] = typer.Option([], help="Only these kinds, such as notified or silenced."),
    fingerprint: str = typer.Option("", help="Only of this alert."),
    incident: int = typer.Option(0, help="Only of this incident."),
    since: str = typer.Option("7d", "--from", help="RFC 3339, Unix time, or how long ago."),
    limit: int = typer.Option(100, help="How many at most."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Search what happened: what fired, who was told with which answer, who did what."""
    from collector.model.clock import SystemClock

    parameters: Parameters = {
        "contains": contains,
        "kind": list(kind),
        "fingerprint": fingerprint,
        "incident": str(incident),
        "after_ms": str(option_ms(since, "--from", SystemClock().now_ms())),
        "limit": str(limit),
    }
    found: Any = get(url, f"{PATH}/history", parameters)
    rows = found["events"]
    emit(rows if output is Output.json else [_row(one) for one in rows], output)


def why_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """An explanation for people."""
    labels = ", ".join(f'{name}="{value}"' for name, value in found["labels"].items())
    yield f"{{{labels}}}: {STATUS_TEXT[found['status']]}"
    if found["inhibited_by"]:
        source = ", ".join(f'{name}="{value}"' for name, value in found["inhibited_by"].items())
        yield f"nobody is told: inhibited by {{{source}}}"
    for one in found["silenced_by"]:
        until = time_text(one["ends_at_ms"])
        yield f"nobody is told: silenced until {until} by {one['created_by']} ({one['comment']})"
    yield "routes:"
    for step in found["routes"]:
        mark = "→" if step["takes"] else "·" if step["matches"] else " "
        name = step["route"] if step["route"] != "{}" or step["depth"] else "(root)"
        yield f"{mark} {'  ' * step['depth']}{name}  {step['receiver']}: {step['because']}"
    for group in found["groups"]:
        yield from _group_lines(group)


STATUS_TEXT = {
    "unknown": "not held now; this is what would happen",
    "firing": "firing",
    "resolved": "resolved",
}


def _group_lines(group: Mapping[str, Any]) -> Iterator[str]:
    yield f"group {group['key']} of {group['receiver']}:"
    if group["muted_by"]:
        yield f"  muted now: {group['muted_by']}"
    when = time_text(group["next_flush_ms"])
    held = f"{group['alerts']} alerts, " if group["is_open"] else "not open yet, would be "
    yield f"  {held}asked next at {when}"
    for told in group["told"]:
        at = f" at {time_text(told['at_ms'])}" if told["at_ms"] else ""
        again = f", again at {time_text(told['repeats_at_ms'])}" if told["repeats_at_ms"] else ""
        yield f"  {told['integration']}: {told['status']}{at}{again}"
    if not group["told"]:
        yield "  the receiver has no integrations: nobody is told"


def _row(one: Mapping[str, Any]) -> dict[str, object]:
    return {
        "time": time_text(one["at_ms"]),
        "kind": one["kind"],
        "incident": f"#{one['incident']}" if one["incident"] else "",
        "by": one["actor"],
        "what": one["text"],
    }
