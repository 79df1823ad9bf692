"""`tocsin slo suggest`: indicators and objectives that the history of some series offers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tocsin.commands.client import DEFAULT_URL
from tocsin.commands.output import Output, Row, emit
from tocsin.commands.slo_history_source import history_source
from tocsin.commands.times import option_ms
from tocsin.moments import time_text

if TYPE_CHECKING:
    from slo.suggest import Suggestion


def suggest_slos(
    selector: str = typer.Argument(help="PromQL selector of a counter or histogram."),
    since: str = typer.Option("30d", "--from", help="RFC 3339, Unix time, or how long ago."),
    until: str = typer.Option("", "--to", help="RFC 3339, Unix time, or how long ago; else now."),
    url: str = typer.Option(DEFAULT_URL, envvar="TOCSIN_URL", help="A tocsin, or a Prometheus."),
    data_dir: Path | None = typer.Option(None, help="A data directory to read instead."),
    tick: str = typer.Option("1m", help="How often to judge."),
    output: Output = Output.table,
) -> None:
    """Print a specification: indicators, objectives, and what each would have paged for."""
    from collector.model.clock import SystemClock
    from collector.model.durations import parse_duration_ms
    from collector.query.parser import parse_selector
    from slo.suggest import suggest
    from slo.suggest_text import suggestions_yaml

    now_ms = SystemClock().now_ms()
    span = option_ms(since, "--from", now_ms), option_ms(until, "--to", now_ms)
    with history_source(data_dir, url) as source:
        found = suggest(parse_selector(selector), source, *span, parse_duration_ms(tick))
    first, last = (time_text(ms)[:10] for ms in span)
    title = f"{selector}, from {first} to {last}"
    emit(_rows(found), output, plain=lambda: typer.echo(suggestions_yaml(found, title), nl=False))


def _rows(found: Sequence[Suggestion]) -> list[Row]:
    return [
        {
            "slo": tried.objective.id,
            "objective": tried.objective.ratio,
            "queries": dict(tried.objective.indicator.queries),
            "why": one.why,
            "pages": tried.pages,
            "tickets": tried.tickets,
            "spent_ratio": tried.spent_ratio,
            "proposed": tried is one.chosen,
        }
        for one in found
        for tried in one.tried
    ]
