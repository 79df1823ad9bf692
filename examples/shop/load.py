"""`python -m examples.shop.load --url URL --rate N --duration S --report FILE`: counts answers.

Requests go out at their times whether or not earlier ones came back (an open loop), so that a slow
shop gets no mercy. When the time is over, or at SIGTERM or SIGINT, no more are sent, those under
way are waited for, and the report is finished: then each request has its outcome.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from examples.shop.report import Report

MIX = (
    ("POST", "/checkout", {"product": "pen", "quantity": 1}),
    ("POST", "/checkout", {"product": "lamp", "quantity": 2}),
    ("POST", "/checkout", {"product": "notebook", "quantity": 1}),
    ("GET", "/products", None),
)
"""The requests that are sent, one after the other."""

REQUEST_TIMEOUT_SECONDS = 120.0
MAX_IN_FLIGHT = 1000
"""More than this wait at the sender: a dead shop must not eat the generator's memory."""

REPORT_INTERVAL_SECONDS = 1.0


class Load:
    """Sends the mix at a rate and keeps the report."""

    def __init__(self, url: str, rate: float, report: Report) -> None:
        self._rate = rate
        self._report = report
        self._stop = asyncio.Event()
        self._room = asyncio.Semaphore(MAX_IN_FLIGHT)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100)
        self._client = httpx.AsyncClient(
            base_url=url, timeout=REQUEST_TIMEOUT_SECONDS, limits=limits, trust_env=False
        )

    def stop(self) -> None:
        """Send no more."""
        self._stop.set()

    async def run(self, duration_seconds: float) -> None:
        """Send for so long (0: until stopped), then wait for every answer."""
        started = time.monotonic()
        async with self._client, asyncio.TaskGroup() as requests:
            for number in itertools.count():
                due = started + number / self._rate
                if duration_seconds and due - started >= duration_seconds:
                    return
                if await self._stopped_before(due):
                    return
                await self._room.acquire()
                self._report.sent += 1
                requests.create_task(self._send(*MIX[number % len(MIX)]))

    async def _stopped_before(self, due: float) -> bool:
        try:
            async with asyncio.timeout(max(due - time.monotonic(), 0)):
                await self._stop.wait()
        except TimeoutError:
            pass
        return self._stop.is_set()

    async def _send(self, method: str, path: str, body: dict[str, object] | None) -> None:
        name = f"{method} {path}"
        try:
            answer = await self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            self._report.failed(name, type(error).__name__)
        else:
            self._report.answered(name, answer.status_code)
        finally:
            self._room.release()


async def generate(url: str, rate: float, duration_seconds: float, file: Path | None) -> Report:
    """Run the load and return its finished report; progress is printed each second."""
    report = Report(url)
    load = Load(url, rate, report)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, load.stop)
    writing = asyncio.create_task(_tell(report, file))
    await load.run(duration_seconds)
    writing.cancel()
    if file is not None:
        report.write(file, finished=True)
    _print(report)
    return report


async def _tell(report: Report, file: Path | None) -> None:
    while True:
        if file is not None:
            report.write(file, finished=False)
        _print(report)
        await asyncio.sleep(REPORT_INTERVAL_SECONDS)


def _print(report: Report) -> None:
    waiting = report.sent - report.answers - report.failures
    print(
        f"sent {report.sent}  answered {report.answers}  5xx {report.server_errors}  "
        f"no answer {report.failures}  waiting {waiting}",
        flush=True,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m examples.shop.load", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8081")
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second")
    parser.add_argument("--duration", type=float, default=0.0, help="seconds; 0 is for ever")
    parser.add_argument("--report", type=Path, help="JSON file, rewritten every second")
    parsed = parser.parse_args(arguments)
    if parsed.rate <= 0:
        parser.error("--rate must be above 0")
    asyncio.run(generate(parsed.url, parsed.rate, parsed.duration, parsed.report))


if __name__ == "__main__":
    main()
