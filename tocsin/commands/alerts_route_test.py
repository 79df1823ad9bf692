"""`tocsin alerts route-test`: who would be told of an alert; says it as `amtool` does."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from collector.model.durations import format_duration
from collector.model.errors import InputError
from collector.model.labels import Labels
from tocsin.commands.output import Output, emit

if TYPE_CHECKING:
    from alerts.route import Route

ADDRESS = {"TOCSIN_ADDRESS": "127.0.0.1:9900"}
ROOT = "default-route"
BAR = "│\u00a0\u00a0 "
MISMATCH = "WARNING: Expected receivers did not match resolved receivers."


def route_test(
    labels: list[str] = typer.Argument(None, help="Labels of the alert: name=value …"),
    config: Path = typer.Option(..., "--config", "-c", "--config.file", help="Configuration."),
    verify: str = typer.Option(
        "",
        "--verify.receivers",
        help="The receivers that are expected, with commas, in order; exit 1 else.",
    ),
    tree: bool = typer.Option(False, "--tree", help="Show the routes that match as a tree."),
    output: Output = Output.table,
) -> None:
    """Show the receivers of an alert with these labels, in the order in which routes match."""
    from alerts.route import build_route
    from tocsin.config import load_config

    wanted = parse_labels(labels or ())
    loaded = load_config(config, {**ADDRESS, **os.environ})
    root = build_route(loaded.alerts.route)
    routes = root.match(wanted)
    receivers = ",".join(route.receiver for route in routes)

    def plain() -> None:
        if tree:
            typer.echo("\n".join(["Matching routes:", ".", *_lines([root], wanted, "")]) + "\n\n")
        typer.echo(receivers)

    emit([_row(route, wanted) for route in routes], output, plain)
    if verify and verify != receivers:
        typer.echo(MISMATCH, err=output is Output.json)
        raise typer.Exit(1)


def parse_labels(texts: Sequence[str]) -> Labels:
    """Labels of `name=value` texts, whose values may be quoted; raises InputError."""
    from alerts.matchers import parse_matchers

    matchers = [matcher for text in texts for matcher in parse_matchers(text)]
    for matcher in matchers:
        if matcher.kind != "=":
            raise InputError(f"not a label: {matcher}", advice="write name=value")
    return Labels({matcher.name: matcher.value for matcher in matchers})


def _row(route: Route, labels: Labels) -> Mapping[str, object]:
    return {
        "receiver": route.receiver,
        "route": route.key,
        "group": dict(route.group_labels(labels).pairs),
        "group_wait": format_duration(route.timers.wait_ms),
        "group_interval": format_duration(route.timers.interval_ms),
        "repeat_interval": format_duration(route.timers.repeat_ms),
    }


def _lines(routes: Sequence[Route], labels: Labels, indent: str) -> Iterator[str]:
    """The nodes on the way to those that take the alert."""
    for position, route in enumerate(routes):
        below = _matching(route, labels)
        last = position == len(routes) - 1
        name = route.written if route.matchers else ROOT
        receiver = "" if below else f"  receiver: {route.receiver}"
        yield f"{indent}{'└── ' if last else '├── '}{name}{receiver}"
        yield from _lines(below, labels, indent + ("    " if last else BAR))


def _matching(route: Route, labels: Labels) -> list[Route]:
    found: list[Route] = []
    for child in route.children:
        if child.match(labels):
            found.append(child)
            if not child.continues:
                break
    return found
