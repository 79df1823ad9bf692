"""Scrapes by whole processes: `tocsin up`, Debian's Prometheus and VictoriaMetrics at once.

All of them scrape the same 100 targets of 1,000 series at the same time, so that what else the
machine does disturbs each alike: first each second, then every 15 seconds as people do, where what
a process does between scrapes counts too. CPU is user and system time of the process as Linux
tells it; samples are counted by the targets.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Figure
from bench.ingest import cpu_seconds, free_port
from bench.scrape_load import addresses

TARGETS = 100
SERIES = 1_000
SETTLE_SECONDS = 10.0
"""Series are made and kernels loaded once: measuring begins when two such spans cost alike, but
not before `MIN_SETTLES`, as loading uses all that it gets on a busy machine.
"""
MIN_SETTLES, MAX_SETTLES = 4, 10
MEASURED_SECONDS = {1: 20.0, 15: 60.0}
"""By the interval of the scrapes in seconds."""
PATIENCE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Scraper:
    """A running process; `agent` is how it names itself to targets."""

    name: str
    agent: str
    pid: int


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one process."""

    cpu_us_per_sample: float
    rss_mb: float


def measure() -> list[Figure]:
    """CPU a sample and memory of each, at both intervals."""
    subprocess.run([sys.executable, "-m", "tocsin", "compile"], check=True, capture_output=True)
    return [
        figure
        for interval, seconds in MEASURED_SECONDS.items()
        for figure in figures(interval, measured(interval, seconds))
    ]


def figures(interval: int, costs: dict[str, Cost]) -> list[Figure]:
    """Ours beside each peer's."""
    ours, found = costs["tocsin"], list[Figure]()
    for what, unit in (("cpu_us_per_sample", "us"), ("rss_mb", "MB")):
        name, value = f"scrape_{interval}s_{what}", getattr(ours, what)
        if len(costs) == 1:
            found.append(Figure(name, value, unit))
        for peer, cost in costs.items():
            if peer != "tocsin":
                theirs = getattr(cost, what)
                beside = f"{name}_beside_{peer.replace('-', '_')}"
                found.append(Figure(beside, value, unit, peer, theirs, theirs / value))
    return found


def measured(interval: int, seconds: float, targets: int = TARGETS) -> dict[str, Cost]:
    """What each process costs that is installed, ours among them."""
    with ExitStack() as stack:
        port = stack.enter_context(load(targets, SERIES))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scrapers = [
            stack.enter_context(scraping(name, directory, port, interval, targets))
            for name in ("tocsin", "prometheus", "victoria-metrics")
            if name == "tocsin" or shutil.which(name)
        ]
        settle(scrapers, max(SETTLE_SECONDS, interval))
        before = {one.name: (cpu_seconds(one.pid), pages(port, one)) for one in scrapers}
        time.sleep(seconds)
        return {one.name: cost(one, port, *before[one.name]) for one in scrapers}


def settle(scrapers: Sequence[Scraper], seconds: float) -> None:
    """Wait until no process uses less of the machine than it did a moment ago."""
    former = [float("inf")] * len(scrapers)
    for turn in range(MAX_SETTLES):
        before = [cpu_seconds(one.pid) for one in scrapers]
        time.sleep(seconds)
        used = [cpu_seconds(one.pid) - cpu for one, cpu in zip(scrapers, before, strict=True)]
        alike = all(now > 0.8 * then for now, then in zip(used, former, strict=True))
        if alike and turn + 1 >= MIN_SETTLES:
            return
        former = used


def cost(scraper: Scraper, port: int, cpu_before: float, pages_before: int) -> Cost:
    """Since `before`."""
    used = cpu_seconds(scraper.pid) - cpu_before
    samples = (pages(port, scraper) - pages_before) * SERIES
    return Cost(used / samples * 1e6, rss_bytes(scraper.pid) / 1e6)


def pages(port: int, scraper: Scraper) -> int:
    """How many pages it has been given."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/count", timeout=10) as answer:
        given = json.load(answer)
    return sum(count for agent, count in given.items() if agent == scraper.agent)


def rss_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@contextmanager
def load(targets: int, series: int) -> Iterator[int]:
    """The targets, ready; their port."""
    port = free_port()
    command = [sys.executable, "-m", "bench.scrape_load", str(port), str(targets), str(series)]
    with running(command, f"http://127.0.0.{targets}:{port}/count"):
        yield port


@contextmanager
def scraping(
    name: str, directory: Path, port: int, interval: int, targets: int
) -> Iterator[Scraper]:
    """A scraper with nothing else to do."""
    own = free_port()
    config = directory / f"{name}.yml"
    config.write_text(_config(port, interval, targets))
    data = directory / name
    commands: dict[str, tuple[Sequence[str], str, str]] = {
        "tocsin": (
            [
                *(sys.executable, "-m", "tocsin", "up", "--config", str(config)),
                *("--data-dir", str(data), "--listen", f"127.0.0.1:{own}"),
            ],
            "/-/ready",
            "tocsin",
        ),
        "prometheus": (
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={data}",
                f"--web.listen-address=127.0.0.1:{own}",
            ],
            "/-/ready",
            "prometheus",
        ),
        "victoria-metrics": (
            [
                "victoria-metrics",
                f"-promscrape.config={config}",
                f"-storageDataPath={data}",
                f"-httpListenAddr=127.0.0.1:{own}",
            ],
            "/health",
            "vm_promscrape",
        ),
    }
    command, ready, agent = commands[name]
    with running(command, f"http://127.0.0.1:{own}{ready}") as process:
        yield Scraper(name, agent, process.pid)


def _config(port: int, interval: int, targets: int) -> str:
    names = ", ".join(f'"{address}:{port}"' for address in addresses(targets))
    return (
        f"scrape_configs:\n- job_name: bench\n  scrape_interval: {interval}s\n"
        f"  scrape_timeout: {interval}s\n  static_configs:\n  - targets: [{names}]\n"
    )


@contextmanager
def running(command: Sequence[str], ready_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that answers its URL, ended in the end."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(process, ready_url)
            yield process
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    begun = time.perf_counter()
    while process.poll() is None and time.perf_counter() - begun < PATIENCE_SECONDS:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    ended = "has ended" if process.poll() is not None else f"gave no answer at {url}"
    raise RuntimeError(f"{process.args!r} {ended}")
