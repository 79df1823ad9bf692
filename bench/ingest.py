"""Samples in: parsing alone, whole scrapes into the store beside Prometheus, OTLP into the store.

`python -m bench.ingest PORT` serves the exposition that is scraped, in a process of its own, so
that its CPU time is not counted.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from bench.figures import Figure
from collector.config import GlobalConfig, ScrapeConfig
from collector.ingest.formats.otlp_series import Promotion
from collector.ingest.formats.text import TextParser
from collector.ingest.otlp_writer import OtlpWriter
from collector.ingest.scrape.pool import ScrapePool
from collector.ingest.warm_up import warm_up
from collector.ingest.write import SampleWriter
from collector.model.clock import SystemClock
from collector.self_metrics import IngestMetrics
from collector.store.tsdb import Tsdb

SERIES = 2_000
"""Series of one target: a large exporter."""
TARGETS = 20
SCRAPE_SECONDS = 10.0
OTLP_POINTS = 10_000
FIRST_SECOND = 1_700_000_010
"""Time of the points of the first request."""
ROUNDS = 50


def measure() -> list[Figure]:
    """Parsing, scraping and OTLP; what is compiled once is compiled before."""
    warm_up()
    return [parsing(), scraping(), otlp()]


def exposition(seed: int, series: int = SERIES) -> bytes:
    """Counters and gauges of a usual shape; whole numbers and fractions by turns."""
    lines = []
    for family in range(series // 50):
        name = f"app_requests_{family}_total"
        lines += [f"# HELP {name} Requests answered.", f"# TYPE {name} counter"]
        for k in range(50):
            value = str(seed * 37 + k * 101) if k % 3 else repr((seed * 7919 + k) / 977)
            labels = f'code="{200 + k % 5}",handler="/api/v1/items/{k}",method="GET",zone="eu-1"'
            lines.append(f"{name}{{{labels}}} {value}")
    return ("\n".join(lines) + "\n").encode()


def parsing() -> Figure:
    """One target's bodies with changing values, its lines known; beside prometheus_client."""
    bodies = [exposition(seed, 10_000) for seed in range(4)]
    parser = TextParser()
    parser.parse(bodies[0])
    rates = []
    for body in itertools.islice(itertools.cycle(bodies), ROUNDS):
        begun = time.perf_counter()
        samples = len(parser.parse(body))
        rates.append(samples / (time.perf_counter() - begun))
    text = exposition(0, 2_000).decode()
    begun = time.perf_counter()
    count = sum(len(family.samples) for family in text_string_to_metric_families(text))
    theirs = count / (time.perf_counter() - begun)
    ours = sorted(rates)[len(rates) // 2]
    return Figure(
        "exposition_samples_per_second", ours, "samples/s", "prometheus_client", theirs,
        ours / theirs,
    )  # fmt: skip


def scraping() -> Figure:
    """HTTP, parsing, log and store; CPU time of the process, beside Debian's Prometheus."""
    with served() as port, tempfile.TemporaryDirectory() as directory:
        ours = asyncio.run(scrape_with_tocsin(port, Path(directory)))
        theirs = scrape_with_prometheus(port, Path(directory))
    name = "scraped_samples_per_cpu_second"
    if theirs is None:
        return Figure(name, ours, "samples/CPU s")
    return Figure(name, ours, "samples/CPU s", "prometheus", theirs, ours / theirs)


async def scrape_with_tocsin(port: int, directory: Path) -> float:
    """Samples a CPU second of this process."""
    store = Tsdb.open(directory / "tocsin", SystemClock())
    registry = CollectorRegistry()
    pool = ScrapePool(store, IngestMetrics(registry), SystemClock())
    section = {
        "job_name": "bench",
        "scrape_interval": "1s",
        "static_configs": [{"targets": targets(port)}],
    }
    pool.apply([ScrapeConfig.model_validate(section)], GlobalConfig())
    running = asyncio.create_task(pool.run())
    await asyncio.sleep(5)
    samples, cpu = store.status().samples_appended, time.process_time()
    await asyncio.sleep(SCRAPE_SECONDS)
    rate = (store.status().samples_appended - samples) / (time.process_time() - cpu)
    pool.close()
    await running
    store.close()
    return rate


def scrape_with_prometheus(port: int, directory: Path) -> float | None:
    """The same of Prometheus, None where it is not installed."""
    binary = shutil.which("prometheus")
    if binary is None:
        return None
    names = ", ".join(f'"{target}"' for target in targets(port))
    config = directory / "prometheus.yml"
    config.write_text(
        "scrape_configs:\n- job_name: bench\n  scrape_interval: 1s\n"
        f"  static_configs:\n  - targets: [{names}]\n"
    )
    own = free_port()
    process = subprocess.Popen(
        [
            binary,
            f"--config.file={config}",
            f"--storage.tsdb.path={directory / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{own}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(8)
        samples, cpu = appended(own), cpu_seconds(process.pid)
        time.sleep(SCRAPE_SECONDS)
        return (appended(own) - samples) / (cpu_seconds(process.pid) - cpu)
    finally:
        process.terminate()
        process.wait()


def appended(port: int) -> float:
    """Samples that Prometheus says it has appended."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("prometheus_tsdb_head_samples_appended_total"):
                return float(line.split()[-1])
    return 0.0


def cpu_seconds(pid: int) -> float:
    """User and system time of another process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def otlp() -> Figure:
    """Whole requests of known series into the store."""
    bodies = [otlp_request(second) for second in range(ROUNDS)]
    with tempfile.TemporaryDirectory() as directory:
        store = Tsdb.open(Path(directory), SystemClock())
        metrics = IngestMetrics(CollectorRegistry())
        writer = OtlpWriter(SampleWriter(store, metrics, "otlp"), Promotion())
        writer.write(bodies[0])
        cpu = time.process_time()
        for body in bodies[1:]:
            writer.write(body)
        rate = OTLP_POINTS * (ROUNDS - 1) / (time.process_time() - cpu)
        store.close()
    return Figure("otlp_points_per_cpu_second", rate, "points/CPU s")


def otlp_request(second: int) -> bytes:
    """Ten resources with ten counters of a hundred points each."""
    request = ExportMetricsServiceRequest()
    for instance in range(10):
        resource = request.resource_metrics.add()
        put(resource.resource.attributes, {"service.name": "shop", "host.name": "h"})
        put(resource.resource.attributes, {"service.instance.id": f"i-{instance}"})
        scope = resource.scope_metrics.add()
        for number in range(10):
            metric = scope.metrics.add()
            metric.name, metric.unit = f"http.server.requests.{number}", "{request}"
            metric.sum.aggregation_temporality, metric.sum.is_monotonic = 2, True
            for k in range(OTLP_POINTS // 100):
                point = metric.sum.data_points.add()
                put(point.attributes, {"http.route": f"/items/{k}", "http.method": "GET"})
                point.start_time_unix_nano = 1_700_000_000 * 10**9
                point.time_unix_nano = (FIRST_SECOND + second) * 10**9
                point.as_int = second * k
    encoded: bytes = request.SerializeToString()
    return encoded


def put(attributes: object, values: dict[str, str]) -> None:
    """Add string attributes to a protobuf list."""
    for key, value in values.items():
        item = attributes.add()  # type: ignore[attr-defined]
        item.key, item.value.string_value = key, value


def targets(port: int) -> list[str]:
    """The same server under many addresses."""
    return [f"{address}:{port}" for address in addresses()]


def addresses() -> list[str]:
    """All of 127.0.0.0/8 is this machine."""
    return [f"127.0.0.{n + 1}" for n in range(TARGETS)]


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served() -> Iterator[int]:
    """The server in a process of its own."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.ingest", str(port)])
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


def serve(port: int) -> None:
    """Answer every GET with one of a few bodies, the next each second."""
    bodies = [exposition(seed) for seed in range(10)]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = bodies[int(time.time()) % len(bodies)]
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    servers = [ThreadingHTTPServer((address, port), Handler) for address in addresses()]
    for server in servers[1:]:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    servers[0].serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
