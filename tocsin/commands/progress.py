"""Shows on a terminal how far a command is; a pipe and a log file see nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def counted(verb: str, total_bytes: int | None = None) -> Iterator[Callable[[str, int], None]]:
    """A bar that grows as it is told of what is done: a name, and so many bytes more."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(verb, total=total_bytes)

        def tell(name: str, nbytes: int) -> None:
            bar.update(task, advance=nbytes, description=f"{verb} {name}")

        yield tell
