"""`tocsin slo exclude` and `corrections`: take time out of budgets, see who did, take it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import typer

from collector.model.errors import InputError
from tocsin.commands.client import URL, delete, get, post_json
from tocsin.commands.output import Output, emit
from tocsin.commands.times import option_ms
from tocsin.moments import time_text

PATH = "/api/tocsin/v1/slos/corrections"


def exclude_slos(
    slo: str = typer.Option("", help="An objective, as service/name; * for all."),
    service: str = typer.Option("", help="Objectives of this service."),
    label: list[str] = typer.Option([], help="Objectives with this label: name=value."),
    since: str = typer.Option(..., "--from", help="RFC 3339, Unix time, or how long ago."),
    until: str = typer.Option(..., "--to", help="RFC 3339, Unix time, or how long ago."),
    author: str = typer.Option(..., envvar="USER", help="Who says so."),
    reason: str = typer.Option(..., help="Why these events do not count."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Leave a stretch of time out of budgets; `slo corrections --revoke ID` takes it back."""
    from collector.model.clock import SystemClock

    now_ms = SystemClock().now_ms()
    body = {
        "slo": slo,
        "service": service,
        "labels": dict(_pair(one) for one in label),
        "start_ms": option_ms(since, "--from", now_ms),
        "end_ms": option_ms(until, "--to", now_ms),
        "author": author,
        "reason": reason,
    }
    made: Any = post_json(url, PATH, body)
    emit([made] if output is Output.json else [_row(made)], output)


def correct_slos(
    revoke: str = typer.Option("", help="Take this one back."),
    author: str = typer.Option("", envvar="USER", help="Who takes it back."),
    reason: str = typer.Option("", help="Why it is taken back."),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Every correction that was ever made, the newest first; or revoke one."""
    if revoke:
        path = f"{PATH}/{quote(revoke)}"
        rows: list[Any] = [delete(url, path, {"author": author, "reason": reason})]
    else:
        answer: Any = get(url, PATH)
        rows = answer["corrections"]
    emit(rows if output is Output.json else [_row(one) for one in rows], output)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise InputError(f"--label: {text!r} is not name=value")
    return name, value


def _row(one: Mapping[str, Any]) -> dict[str, object]:
    labels = [f"{name}={value}" for name, value in one["labels"].items()]
    made, revoked, taken = one["made"], one["revoked"], one["taken"].values()
    return {
        "id": one["id"],
        "of": " ".join(filter(None, (one["slo"], one["service"], *labels))),
        "from": time_text(one["start_ms"]),
        "to": time_text(one["end_ms"]),
        "bad": f"{sum(of['bad'] for of in taken):,.0f}" if taken else "",
        "total": f"{sum(of['total'] for of in taken):,.0f}" if taken else "",
        "author": made["author"],
        "reason": made["reason"],
        "revoked": f"{revoked['author']}: {revoked['reason']}" if revoked else "",
    }
