"""`tocsin slo convert`: specifications of one format in another."""

from __future__ import annotations

from pathlib import Path

import typer


def convert_slos(
    files: list[Path] = typer.Argument(help="Files of objectives, in any format."),
    to: str = typer.Option("tocsin", "--to", help="tocsin, openslo or sloth."),
    strict: bool = typer.Option(False, "--strict", help="Fail when something can't be said."),
) -> None:
    """Print objectives in another format; what it can't say is told on stderr, one line each."""
    from slo.specs import load_objectives
    from slo.specs.writers import WRITERS, as_yaml

    if to not in WRITERS:
        raise typer.BadParameter(f"no such format: {to!r}; there are {', '.join(WRITERS)}")
    written = WRITERS[to](load_objectives(files))
    typer.echo(as_yaml(written), nl=False)
    for one in written.lost:
        typer.echo(f"not said in {to}: {one}", err=True)
    if strict and written.lost:
        raise typer.Exit(1)
