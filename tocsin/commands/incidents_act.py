"""`tocsin incidents ack|assign|snooze|resolve|comment|merge`: what people do with an incident."""

from __future__ import annotations

from typing import Any

import typer

from tocsin.commands.client import URL, post_json
from tocsin.commands.incidents import PATH, row_of
from tocsin.commands.output import Output, emit

NUMBER = typer.Argument(help="Its number.")
ACTOR = typer.Option(..., "--as", envvar="USER", help="Who does it.")


def acknowledge_incident(
    number: int = NUMBER,
    undo: bool = typer.Option(False, "--undo", help="Nobody works on it any more."),
    actor: str = ACTOR,
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Someone works on it: escalation and repeats stop."""
    _act(url, number, "unacknowledge" if undo else "acknowledge", {"actor": actor}, output)


def assign_incident(
    number: int = NUMBER,
    person: str = typer.Argument(help="Who owns it from now on."),
    actor: str = ACTOR,
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Make someone its owner; they are told."""
    _act(url, number, "assign", {"person": person, "actor": actor}, output)


def snooze_incident(
    number: int = NUMBER,
    duration: str = typer.Argument("1h", help="For how long."),
    actor: str = ACTOR,
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Say nothing for a while; it speaks again after that."""
    _act(url, number, "snooze", {"duration": duration, "actor": actor}, output)


def resolve_incident(
    number: int = NUMBER,
    text: str = typer.Option("", help="Why, or what was done."),
    actor: str = ACTOR,
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Close it by hand."""
    _act(url, number, "resolve", {"text": text, "actor": actor}, output)


def comment_incident(
    number: int = NUMBER,
    text: str = typer.Argument(help="What to add to its story."),
    actor: str = ACTOR,
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Add to its story."""
    _act(url, number, "comment", {"text": text, "actor": actor}, output)


def merge_incidents(
    number: int = NUMBER,
    into: int = typer.Argument(help="The incident that it becomes a part of."),
    actor: str = ACTOR,
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Make one a part of another."""
    _act(url, number, "merge", {"into": into, "actor": actor}, output)


def _act(url: str, number: int, act: str, body: dict[str, object], output: Output) -> None:
    one: Any = post_json(url, f"{PATH}/{number}/{act}", body)
    emit([one] if output is Output.json else [row_of(one)], output)
