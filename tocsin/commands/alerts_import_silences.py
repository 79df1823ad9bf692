"""`tocsin alerts import-silences`: copies an Alertmanager's silences, each of them once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from collector.model.errors import InputError, Where
from tocsin.commands.client import URL, get, post_json
from tocsin.commands.output import Output, emit

PATH = "/api/v2/silences"
COPIED = ("matchers", "startsAt", "endsAt", "createdBy", "comment")
ORIGIN = "alertmanager_id"
"""The annotation of a copy: the id of what it was copied from."""
Silence = Mapping[str, Any]


def import_silences(
    source: str = typer.Option(
        ..., "--from", help="An Alertmanager's URL, or a file of `amtool silence query -o json`."
    ),
    url: str = URL,
    output: Output = Output.table,
) -> None:
    """Copy an Alertmanager's active and pending silences, each once; exit 1 if one is refused."""
    theirs, ours = _silences_of(source), _read(get(url, PATH), url)
    rows = [_carried_over(body, url) for body in wanted_bodies(theirs, ours)]
    refused = [row for row in rows if row["error"]]

    def plain() -> None:
        for row in refused:
            typer.echo(f"{row['alertmanager_id']}: {row['error']}", err=True)
        copied, there = len(rows) - len(refused), len(live(theirs)) - len(rows)
        typer.echo(f"{copied} copied, {there} there already, {len(refused)} refused")

    emit(rows, output, plain)
    if refused:
        raise typer.Exit(1)


def wanted_bodies(theirs: Sequence[Silence], ours: Sequence[Silence]) -> list[dict[str, Any]]:
    """What to post for ours to be as theirs: copies that lack, and ends that were moved."""
    copies: dict[str, Silence] = {}
    for one in ours:
        origin = one.get("annotations", {}).get(ORIGIN)
        # a change may have made a second one with the same origin: the one that lives counts
        if origin and (origin not in copies or one["status"]["state"] != "expired"):
            copies[origin] = one
    bodies = []
    for one in live(theirs):
        body = {**{name: one[name] for name in COPIED}, "annotations": _annotations(one)}
        copy = copies.get(one["id"])
        if copy is None:
            bodies.append(body)
        elif copy["status"]["state"] != "expired" and copy["endsAt"] != one["endsAt"]:
            bodies.append({**body, "id": copy["id"], "startsAt": copy["startsAt"]})
    return bodies


def live(silences: Sequence[Silence]) -> list[Silence]:
    """Those that are active or pending."""
    return [one for one in silences if one["status"]["state"] != "expired"]


def _annotations(silence: Silence) -> dict[str, str]:
    return {**(silence.get("annotations") or {}), ORIGIN: silence["id"]}


def _carried_over(body: dict[str, Any], url: str) -> dict[str, str]:
    origin = body["annotations"][ORIGIN]
    try:
        made: Any = post_json(url, PATH, body)
    except InputError as error:
        return {"alertmanager_id": origin, "id": "", "error": error.message}
    return {"alertmanager_id": origin, "id": made["silenceID"], "error": ""}


def _silences_of(source: str) -> list[Silence]:
    if source.startswith(("http://", "https://")):
        if "@" in source:
            raise InputError(
                "no password in --from: it would show in the list of processes",
                advice="give the file that `amtool silence query -o json` writes",
            )
        return _read(get(source.rstrip("/"), PATH), source)
    try:
        return _read(json.loads(Path(source).read_text(encoding="utf-8")), source)
    except (OSError, ValueError) as error:
        raise InputError(f"can't be read: {error}", where=Where(source)) from error


def _read(found: object, source: str) -> list[Silence]:
    """The silences of an answer; raises InputError for one that is no list of silences."""
    needed = {"id", "status", *COPIED}
    if not isinstance(found, list) or not all(
        isinstance(one, dict) and needed <= one.keys() for one in found
    ):
        raise InputError("not a list of silences", where=Where(source))
    return found
