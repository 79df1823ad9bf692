"""`tocsin version`."""

from __future__ import annotations

import platform

import typer

from tocsin import __version__
from tocsin.commands.output import Output, emit


def version(output: Output = Output.table) -> None:
    """Print the version of tocsin and of Python."""
    facts = {"tocsin": __version__, "python": platform.python_version()}
    emit([facts], output, plain=lambda: typer.echo(f"tocsin {__version__}"))
