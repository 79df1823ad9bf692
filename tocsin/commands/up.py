"""`tocsin up`: run tocsin until Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import typer

from collector.model.clock import SystemClock
from tocsin import __version__
from tocsin.logging_setup import set_up_logging
from tocsin.memory import load_compiler_without_blas, use_few_arenas
from tocsin.packs import EMBEDDED_CONFIG

DEFAULT_DATA_DIR = Path("tocsin-data")


class LogLevel(StrEnum):
    """The values of `--log-level`."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def up(
    config: Path | None = typer.Option(
        None, "--config", "-c", help="Configuration file; without one, tocsin watches itself."
    ),
    data_dir: Path = typer.Option(DEFAULT_DATA_DIR, help="Where everything is kept."),
    listen: str = typer.Option("", help="host:port, instead of web.listen_address."),
    log_level: LogLevel = typer.Option(LogLevel.INFO, help="How much to tell."),
) -> None:
    """Start tocsin: scrape, store, judge, page, and serve its pages."""
    set_up_logging(log_level)
    use_few_arenas()
    load_compiler_without_blas()
    say(f"tocsin {__version__}, data in {data_dir.absolute()}")
    run(config or EMBEDDED_CONFIG, data_dir, listen, announce)


def run(file: Path, data_dir: Path, listen: str, on_ready: Callable[[str], None]) -> None:
    """Build everything from a configuration file and serve until a signal.

    `on_ready` gets the URL. Raises TocsinError when it can't start.
    """
    # the parts load numpy, numba and the web framework: the command line stays quick without them
    from tocsin.address import bound_address, listener
    from tocsin.config import load_config
    from tocsin.lifecycle import Lifecycle, data_directory
    from tocsin.routers import build_application
    from tocsin.wiring import build

    environment = {**os.environ}
    if listen:
        environment["TOCSIN_ADDRESS"] = listen
    environment.setdefault("TOCSIN_ADDRESS", "127.0.0.1:9900")
    config = load_config(file, environment)
    wanted = listen or config.web.listen_address
    held = listener(wanted)
    address = bound_address(wanted, held)
    if address != environment["TOCSIN_ADDRESS"]:
        environment["TOCSIN_ADDRESS"] = address  # tocsin scrapes itself where it really listens
        config = load_config(file, environment)
    url = config.web.external_url or f"http://{address}"
    parts = build(config, data_directory(data_dir), SystemClock(), url)
    process = Lifecycle(parts, lambda: load_config(file, environment))
    app = build_application(parts, process)
    asyncio.run(process.run(app, held, lambda: on_ready(url)))


def announce(url: str) -> None:
    """Tell the person where to look."""
    say(f"ready: open {url}   (Ctrl-C stops it)")


def say(text: str) -> None:
    """A line for the person who started it; stdout stays free for machines."""
    print(text, file=sys.stderr, flush=True)
