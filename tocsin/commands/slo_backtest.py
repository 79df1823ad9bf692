"""`tocsin slo backtest`: the pages and tickets that objectives would have sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tocsin.commands.client import DEFAULT_URL, post
from tocsin.commands.output import Output, emit
from tocsin.commands.slo_history_source import history_source
from tocsin.commands.times import option_ms
from tocsin.moments import time_text

if TYPE_CHECKING:
    from slo.known_incidents import Incident

DEFAULT_TICK = "15s"
ReplayFound = dict[str, Any]


def backtest_slos(
    spec: Path = typer.Argument(help="A file of objectives, in any format."),
    since: str = typer.Option("30d", "--from", help="RFC 3339, Unix time, or how long ago."),
    until: str = typer.Option("", "--to", help="RFC 3339, Unix time, or how long ago; else now."),
    incidents: Path | None = typer.Option(None, help="YAML list of start, end, name."),
    url: str = typer.Option(DEFAULT_URL, envvar="TOCSIN_URL", help="A running tocsin."),
    prometheus: str = typer.Option("", help="A Prometheus to read instead, by URL."),
    data_dir: Path | None = typer.Option(None, help="A data directory to read instead."),
    tick: str = typer.Option("", help="How often to judge; else as tocsin does, or 15s."),
    output: Output = Output.table,
) -> None:
    """List every page and ticket that the policy would have sent, and the budget by day.

    With --incidents also which of them were false alarms, and how soon each incident was told of.
    """
    from collector.model.clock import SystemClock
    from collector.model.durations import parse_duration_ms
    from slo.known_incidents import read_incidents
    from slo.specs import spec_text

    now_ms = SystemClock().now_ms()
    span = option_ms(since, "--from", now_ms), option_ms(until, "--to", now_ms)
    known = read_incidents(spec_text(incidents), str(incidents)) if incidents else None
    tick_ms = parse_duration_ms(tick) if tick else None
    if data_dir is None and not prometheus:
        found = _asked(url, spec, span, tick_ms, known)
    else:
        found = _read(spec, span, tick_ms, known, data_dir, prometheus)
    emit(found, output, plain=lambda: _print(found))


def _asked(
    url: str,
    spec: Path,
    span: tuple[int, int],
    tick_ms: int | None,
    known: list[Incident] | None,
) -> list[ReplayFound]:
    from slo.backtest_bodies import BacktestAsk, IncidentBody
    from slo.specs import spec_text

    ask = BacktestAsk(
        spec=spec_text(spec),
        start_ms=span[0],
        end_ms=span[1],
        tick_ms=tick_ms,
        incidents=None if known is None else [IncidentBody.of(one) for one in known],
    )
    answer: Any = post(url, "/api/tocsin/v1/slos/backtest", body=ask.model_dump_json())
    slos: list[ReplayFound] = answer["slos"]
    return slos


def _read(
    spec: Path,
    span: tuple[int, int],
    tick_ms: int | None,
    known: list[Incident] | None,
    data_dir: Path | None,
    prometheus: str,
) -> list[ReplayFound]:
    from collector.model.durations import parse_duration_ms
    from slo.backtest import backtest
    from slo.backtest_bodies import ReplayBody
    from slo.specs import load_objectives

    objectives = load_objectives([spec])
    tick_ms = tick_ms or parse_duration_ms(DEFAULT_TICK)
    with history_source(data_dir, prometheus) as source:
        return [
            ReplayBody.of(one, known).model_dump()
            for one in backtest(objectives, source, *span, tick_ms)
        ]


def _print(found: list[ReplayFound]) -> None:
    for slo in found:
        typer.echo(f"{slo['id']}: {summary(slo)}")
        emit([_sent_row(one) for one in slo["sent"]], Output.table)
        emit([_incident_row(one) for one in slo["incidents"] or ()], Output.table)
        emit([_day_row(one) for one in slo["days"]], Output.table)
        typer.echo("")
    if not found:
        typer.echo("no objective, or no group of one, has any series")


def summary(slo: ReplayFound) -> str:
    """What the stretch was like, in a line."""
    pages = [one for one in slo["sent"] if one["severity"] == "page"]
    tickets = len(slo["sent"]) - len(pages)
    words = [f"{_count(len(pages), 'page')}, {_count(tickets, 'ticket')}"]
    if slo["incidents"] is not None:
        missed = sum(one["page_seconds"] is None for one in slo["incidents"])
        words.append(f"{sum(one['is_false'] for one in pages)} of the pages false")
        words.append(f"{missed} of {len(slo['incidents'])} incidents not paged for")
    words.append(f"{slo['bad']:,.0f} of {slo['total']:,.0f} events bad")
    words.append(f"{slo['left_ratio']:.1%} of the budget of {slo['window']} left at the end")
    if slo["since_ms"] is None:
        words.append("it had no data")
    elif slo["since_ms"] > slo["start_ms"]:
        words.append(f"its data begin at {time_text(slo['since_ms'])}")
    return "; ".join(words)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _sent_row(one: dict[str, Any]) -> dict[str, object]:
    row: dict[str, object] = {
        "sent": one["severity"],
        "begins": time_text(one["begins_ms"]),
        "ends": time_text(one["ends_ms"]) if one["ends_ms"] else "lasts",
        "tier": one["tier"],
        "burn rate": f"{one['burn_rate']:.3g}x",
        "budget spent": f"{one['spent_ratio']:.1%}",
    }
    if one["is_false"] is not None:
        row["false"] = "false" if one["is_false"] else ""
    return row


def _incident_row(one: dict[str, Any]) -> dict[str, object]:
    return {
        "incident": one["name"],
        "begins": time_text(one["start_ms"]),
        "ends": time_text(one["end_ms"]),
        "paged after": _seconds(one["page_seconds"]),
        "ticket after": _seconds(one["ticket_seconds"]),
    }


def _day_row(one: dict[str, Any]) -> dict[str, object]:
    return {
        "day": time_text(one["start_ms"])[:10],
        "bad": f"{one['bad']:,.0f}",
        "total": f"{one['total']:,.0f}",
        "budget spent": f"{one['spent_ratio']:.2%}",
        "budget left": f"{one['left_ratio']:.1%}",
    }


def _seconds(seconds: float | None) -> str:
    from collector.model.durations import format_duration

    return "never" if seconds is None else format_duration(round(seconds * 1000))
