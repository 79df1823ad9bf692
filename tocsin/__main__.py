"""`python -m tocsin`, and the console script `tocsin`."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from collector.model.errors import ConfigError, TocsinError, UnavailableError
from tocsin.commands import COMMANDS, DEFAULTS, GROUPS
from tocsin.commands.default_command import group_with_default

EXIT_PROBLEM, EXIT_USAGE, EXIT_UNREACHABLE = 1, 2, 3


def command_line() -> typer.Typer:
    """The whole command line, from the registries in `tocsin.commands`."""
    app = typer.Typer(
        name="tocsin",
        help="Metrics, logs, error budgets, anomalies, dashboards and paging in one service.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name, command in COMMANDS.items():
        app.command(name)(command)
    for group, (explanation, commands) in GROUPS.items():
        kind = group_with_default(DEFAULTS[group]) if group in DEFAULTS else None
        sub = typer.Typer(help=explanation, no_args_is_help=True, cls=kind)
        for name, command in commands.items():
            sub.command(name)(command)
        app.add_typer(sub, name=group)
    return app


def main() -> None:
    """Run a command; an error of ours is one clear text on stderr and an exit code.

    1: something is wrong, 2: the usage or configuration is, 3: a service can't be reached.
    """
    try:
        command_line()()
    except TocsinError as error:
        Console(stderr=True).print(
            str(error), style="red", markup=False, highlight=False, soft_wrap=True
        )
        sys.exit(exit_code(error))
    except (
        OSError
    ) as error:  # a disk that is full or read-only, a file that is not what it should be
        Console(stderr=True).print(f"{error}", style="red", markup=False, highlight=False)
        sys.exit(EXIT_PROBLEM)


def exit_code(error: TocsinError) -> int:
    """The exit code of an error's branch."""
    if isinstance(error, ConfigError):
        return EXIT_USAGE
    return EXIT_UNREACHABLE if isinstance(error, UnavailableError) else EXIT_PROBLEM


if __name__ == "__main__":
    main()
