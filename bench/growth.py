"""How memory and CPU grow with the load: 1x, 4x and 16x, beside Prometheus in the same run.

The same remote-write requests go to a whole tocsin and to a whole Prometheus: counters of targets
with 1,000 series each, a row each 15 s of the last quarter of an hour. CPU is that of the process
for those rows, memory its resident set when they are all in. A table and a plot are printed, and
the plot is drawn into `docs/images/growth.svg`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cramjam
import numpy as np

from bench.figures import Figure
from bench.growth_plot import Panel, svg
from bench.ingest import cpu_seconds, free_port
from collector.ingest.formats.remote_write_messages import V1

TARGET_SERIES = 1000
LOADS = {"1x": 6, "4x": 25, "16x": 100}
"""Targets: 6,000, 25,000 and 100,000 series."""
ROWS = 60
ROW_MS = 15_000
PATIENCE_SECONDS = 60
PLOT_WIDTH = 48
IMAGE = Path(__file__).parents[1] / "docs" / "images" / "growth.svg"
HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one process under one load."""

    rss_bytes: int
    cpu_us_per_sample: float


def measure() -> list[Figure]:
    """Memory and CPU of both at each load."""
    found: dict[str, tuple[Cost, Cost | None]] = {}
    for load, targets in LOADS.items():
        theirs = _prometheus(targets) if shutil.which("prometheus") else None
        found[load] = (_tocsin(targets), theirs)
    print(plot(found))
    IMAGE.write_text(svg(panels(found)))
    figures = []
    for load, (ours, theirs) in found.items():
        mb, cpu = ours.rss_bytes / 1e6, ours.cpu_us_per_sample
        if theirs is None:
            figures.append(Figure(f"growth_{load}_rss_mb", mb, "MB"))
            figures.append(Figure(f"growth_{load}_cpu_us_per_sample", cpu, "us"))
            continue
        their_mb, their_cpu = theirs.rss_bytes / 1e6, theirs.cpu_us_per_sample
        figures.append(
            Figure(f"growth_{load}_rss_mb", mb, "MB", "prometheus", their_mb, their_mb / mb)
        )
        figures.append(
            Figure(
                f"growth_{load}_cpu_us_per_sample",
                cpu,
                "us",
                "prometheus",
                their_cpu,
                their_cpu / cpu,
            )
        )
    return figures


def panels(found: dict[str, tuple[Cost, Cost | None]]) -> list[Panel]:
    """Memory and CPU as lines over the number of series."""
    loads = [f"{LOADS[load] * TARGET_SERIES:,}" for load in found]
    costs = {
        name: [pair[n] for pair in found.values()]
        for n, name in enumerate(("tocsin", "prometheus"))
    }
    whole = {name: [one for one in line if one is not None] for name, line in costs.items()}
    present = {name: line for name, line in whole.items() if len(line) == len(loads)}
    rss = {name: [one.rss_bytes / 1e6 for one in line] for name, line in present.items()}
    cpu = {name: [one.cpu_us_per_sample for one in line] for name, line in present.items()}
    return [
        Panel("resident memory in MB, by series", loads, rss),
        Panel("CPU a sample in microseconds, by series", loads, cpu),
    ]


def plot(found: dict[str, tuple[Cost, Cost | None]]) -> str:
    """Bars of text: what each load costs either."""
    lines = []
    measures: tuple[tuple[str, Callable[[Cost], float]], ...] = (
        ("resident memory, MB", lambda cost: cost.rss_bytes / 1e6),
        ("CPU a sample, us", lambda cost: cost.cpu_us_per_sample),
    )
    for title, cost_of in measures:
        lines.append(title)
        costs = [one for pair in found.values() for one in pair if one is not None]
        largest = max(cost_of(one) for one in costs)
        for load, pair in found.items():
            for name, cost in zip(("tocsin", "prometheus"), pair, strict=True):
                if cost is not None:
                    value = cost_of(cost)
                    bar = "#" * max(round(value / largest * PLOT_WIDTH), 1)
                    lines.append(f"  {load:>4} {name:<11}{value:>10,.2f} {bar}")
    return "\n".join(lines)


def _tocsin(targets: int) -> Cost:
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        command = [sys.executable, "-m", "tocsin", "up", "--listen", f"127.0.0.1:{port}"]
        with _running([*command, "--data-dir", directory], port) as process:
            return _loaded(process, f"http://127.0.0.1:{port}/api/v1/write", targets)


def _prometheus(targets: int) -> Cost:
    with tempfile.TemporaryDirectory() as directory:
        port = free_port()
        config = Path(directory) / "prometheus.yml"
        config.write_text("{}\n")
        command = [
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-remote-write-receiver",
        ]
        with _running(command, port) as process:
            return _loaded(process, f"http://127.0.0.1:{port}/api/v1/write", targets)


@contextmanager
def _running(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}/-/ready")
            yield process
        finally:
            process.terminate()


def _wait_until_ready(url: str) -> None:
    begun = time.perf_counter()
    while time.perf_counter() - begun < PATIENCE_SECONDS:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer within {PATIENCE_SECONDS} s")


def _loaded(process: subprocess.Popen[bytes], url: str, targets: int) -> Cost:
    requests = [_request(target) for target in range(targets)]
    first_ms = int(time.time() * 1000) - ROWS * ROW_MS
    dice = np.random.default_rng(1)
    counts = np.zeros(TARGET_SERIES)
    cpu = 0.0
    for row in range(ROWS):
        counts += dice.integers(0, 50, TARGET_SERIES)
        for request in requests:
            _post(url, _at(request, first_ms + row * ROW_MS, counts))
        if row == 0:  # series are made once, samples come for ever
            cpu = cpu_seconds(process.pid)
    used = cpu_seconds(process.pid) - cpu
    samples = targets * TARGET_SERIES * (ROWS - 1)
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return Cost(pages * 4096, used / samples * 1e6)


def _request(target: int) -> object:
    request = V1["WriteRequest"]()
    for n in range(TARGET_SERIES):
        series = request.timeseries.add()
        labels = {
            "__name__": f"app_requests_{n // 50}_total",
            "code": str(200 + n % 5),
            "handler": f"/api/v1/items/{n % 50}",
            "instance": f"10.0.0.{target}:9100",
            "job": "bench",
            "method": "GET",
        }
        for name, value in labels.items():
            series.labels.add(name=name, value=value)
        series.samples.add()
    return request


def _at(request: object, at_ms: int, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    series = request.timeseries  # type: ignore[attr-defined]
    for one, value in zip(series, values.tolist(), strict=True):
        sample = one.samples[0]
        sample.timestamp, sample.value = at_ms, value
    raw: bytes = request.SerializeToString()  # type: ignore[attr-defined]
    return bytes(cramjam.snappy.compress_raw(raw))


def _post(url: str, body: bytes) -> None:
    with urllib.request.urlopen(
        urllib.request.Request(url, body, HEADERS), timeout=PATIENCE_SECONDS
    ):
        pass
