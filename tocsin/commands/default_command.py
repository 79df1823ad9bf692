"""A group of commands of which one is meant when none is named: `check FILE` checks a config."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


def group_with_default(default: str) -> type[TyperGroup]:
    """A group that takes arguments which begin with no command's name as those of `default`."""

    class WithDefault(TyperGroup):
        """Puts the default's name before such arguments."""

        # the type of the context is click's or typer's own copy of it, by typer's version
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            """The arguments as the group takes them."""
            if args and args[0] != "--help" and args[0] not in self.list_commands(ctx):
                args = [default, *args]
            return super().parse_args(ctx, args)

    return WithDefault
