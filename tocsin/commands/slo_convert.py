"""`tocsin slo convert`: specifications of one format in another."""

from __future__ import annotations

from pathlib import Path

import typer


def convert_slos(
    files: list[Path] = typer.Argument(help="Files of objectives, in any format."),
    to: str = typer.Option("tocsin", "--to", help="tocsin, openslo, sloth or pyrra."),
    strict: bool = typer.Option(False, "--strict", help="Fail when something can't be said."),
) -> None:
    """Print objectives in another format.

    What one format can't say, and what was not read of the other, is told on stderr, line by line.
    """
    from slo.specs import load_objectives
    from slo.specs.writers import WRITERS, as_yaml

    if to not in WRITERS:
        raise typer.BadParameter(f"no such format: {to!r}; there are {', '.join(WRITERS)}")
    objectives = load_objectives(files)
    written = WRITERS[to](objectives)
    typer.echo(as_yaml(written), nl=False)
    for objective in objectives:
        for note in objective.notes:
            typer.echo(f"not read: {objective.id}: {note}", err=True)
    for one in written.lost:
        typer.echo(f"not said in {to}: {one}", err=True)
    if strict and (written.lost or any(one.notes for one in objectives)):
        raise typer.Exit(1)
