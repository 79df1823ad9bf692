"""`tocsin demo`: tocsin with an example shop under load, a switch that breaks it, and a pager.

Everything runs on this machine; the pager plays Slack and PagerDuty and shows what would ring.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import typer

from collector.model.errors import UnavailableError
from tocsin.commands.up import run, say
from tocsin.logging_setup import set_up_logging

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "examples" / "shop" / "tocsin.yaml"
PAGER_PORT = 9901
SHOP_URL = "http://127.0.0.1:8081"
STOP_SECONDS = 15
STARTED_SECONDS = 0.5


def demo(
    data_dir: Path = typer.Option(Path("tocsin-data/demo"), help="Where everything is kept."),
    listen: str = typer.Option("127.0.0.1:9900", help="host:port of tocsin."),
) -> None:
    """Start the example shop, its load, a pager and tocsin; then break the shop and be paged."""
    if not CONFIG.exists():
        raise UnavailableError(
            "the examples are not part of an installed tocsin",
            advice="run `make demo` in a clone of the repository",
        )
    set_up_logging("warning")
    say("starting the shop (three processes), its load and the pager …")
    with ExitStack() as running:
        running.enter_context(child("examples.pager", "--port", str(PAGER_PORT)))
        logs = {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"http://{listen}/v1/logs"}
        running.enter_context(child("examples.shop", "up", **logs))
        run(CONFIG, data_dir, listen, tell)


def tell(url: str) -> None:
    """What to open, and what to do."""
    say(
        f"""
  tocsin        {url}
  break it      {SHOP_URL}/faults     set an error rate of 0.2 and watch the budget burn
  the phone     http://127.0.0.1:{PAGER_PORT}          rings within two minutes

Ctrl-C stops everything."""
    )


@contextmanager
def child(module: str, *arguments: str, **environment: str) -> Iterator[None]:
    """A part of the demo in a process of its own; only its errors are shown."""
    process = subprocess.Popen(  # noqa: S603 - our own modules, our own interpreter
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        env={**os.environ, **environment},
        start_new_session=True,
    )
    try:
        time.sleep(STARTED_SECONDS)
        if process.poll() is not None:
            raise UnavailableError(
                f"{module} ended at once with status {process.returncode}",
                advice="see its message above; is one of its ports taken?",
            )
        yield
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
