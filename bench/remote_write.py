"""Remote write taken in, beside Prometheus and VictoriaMetrics: the same requests to each.

What counts is CPU time of the receiving process. Requests are as a Prometheus sends them: each has
the scrapes of some targets, 10 labels a series, one sample each; all series are known.
"""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from bench.figures import Figure
from bench.ingest import cpu_seconds, free_port
from collector.api.remote_write import remote_write_receiver
from collector.ingest.formats.remote_write import Version
from collector.ingest.formats.remote_write_encoder import (
    CONTENT_TYPES,
    VERSION_HEADERS,
    Item,
    Series,
    encode,
)
from collector.ingest.warm_up import warm_up
from collector.ingest.write import SampleWriter
from collector.model.clock import ManualClock, SystemClock
from collector.model.labels import Labels
from collector.self_metrics import IngestMetrics
from collector.store.tsdb import Tsdb

TARGETS = 20
SERIES = 1_000
"""Series of one target."""
TARGETS_A_REQUEST = 10
ROUNDS = 100
IDLE_RATIO = 0.1
"""A receiver that uses less of a core than this has settled."""
SETTLE_SECONDS = 60
STEP_MS = 1_000


@dataclass(frozen=True, slots=True)
class Load:
    """The requests of all rounds, in order; the first round makes the series."""

    version: Version
    bodies: list[list[bytes]]

    @property
    def samples(self) -> int:
        """Samples of the rounds that are measured."""
        return TARGETS * SERIES * (len(self.bodies) - 1)


def measure() -> list[Figure]:
    """Both versions in this process; 1.0 over HTTP beside the peers."""
    warm_up()
    figures = [in_process(1), in_process(2)]
    ours = over_http(1, tocsin)
    for name, peer in (("prometheus", prometheus), ("victoria-metrics", victoria_metrics)):
        theirs = over_http(1, peer) if shutil.which(name) else None
        figures.append(
            Figure(
                f"remote_write_http_samples_per_cpu_second_beside_{name.replace('-', '_')}",
                ours or 0.0,
                "samples/CPU s",
                name if theirs else "",
                theirs,
                ours / theirs if ours and theirs else None,
            )
        )
    return figures


def load_of(version: Version, begin_ms: int) -> Load:
    """Requests that end at `begin_ms` plus the rounds."""
    targets = [[series_of(target, k) for k in range(SERIES)] for target in range(TARGETS)]
    bodies = []
    for second in range(ROUNDS):
        parts = []
        for first in range(0, TARGETS, TARGETS_A_REQUEST):
            items = [
                Item(series, begin_ms + second * STEP_MS + target * 7, float(second * k + target))
                for target in range(first, first + TARGETS_A_REQUEST)
                for k, series in enumerate(targets[target])
            ]
            parts.append(encode(items, version, lambda _: None))
        bodies.append(parts)
    return Load(version, bodies)


def series_of(target: int, k: int) -> Series:
    """A counter of a shop's service, as Kubernetes labels it."""
    labels = Labels.of(
        f"http_requests_{k // 100}_total",
        job="shop",
        instance=f"10.0.0.{target}:8080",
        zone="eu-1",
        cluster="prod",
        namespace="checkout",
        pod=f"shop-{target}-7f9c",
        handler=f"/api/v1/items/{k % 100}",
        method="GET",
        code="200",
    )
    return Series(labels, 0)


def in_process(version: Version) -> Figure:
    """Whole requests into the store, without HTTP."""
    begin_ms = 1_700_000_000_000
    load = load_of(version, begin_ms)
    with tempfile.TemporaryDirectory() as directory:
        clock = ManualClock(begin_ms + 60_000)
        store = Tsdb.open(Path(directory), clock)
        metrics = IngestMetrics(CollectorRegistry())
        writer = SampleWriter(store, metrics, "remote_write", clock)
        receiver = remote_write_receiver(writer, metrics)
        cpu = 0.0
        for number, bodies in enumerate(load.bodies):
            cpu = time.process_time() if number == 1 else cpu
            for body in bodies:
                answer = receiver.receive(body, CONTENT_TYPES[version], "snappy")
                assert answer.status == 204, answer.text
        rate = load.samples / (time.process_time() - cpu)
        store.close()
    name = "remote_write_samples_per_cpu_second" + ("" if version == 1 else "_2_0")
    return Figure(name, rate, "samples/CPU s")


Started = tuple[list[str], int, str]
"""Command, port, path that says that it is ready."""


def tocsin(directory: Path, port: int) -> Started:
    """tocsin with nothing to scrape."""
    config = directory / "tocsin.yaml"
    config.write_text("anomaly: {enabled: false}\n")
    address = f"127.0.0.1:{port}"
    command = [sys.executable, "-m", "tocsin", "up", "--config", str(config), "--listen", address]
    return [*command, "--data-dir", str(directory / "data")], port, "/-/ready"


def prometheus(directory: Path, port: int) -> Started:
    """Prometheus as a receiver."""
    config = directory / "prometheus.yml"
    config.write_text("global: {}\n")
    command = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
    ]
    return command, port, "/-/ready"


def victoria_metrics(directory: Path, port: int) -> Started:
    """A single node."""
    command = [
        "victoria-metrics",
        f"-storageDataPath={directory / 'data'}",
        f"-httpListenAddr=127.0.0.1:{port}",
    ]
    return command, port, "/health"


def over_http(version: Version, start: Callable[[Path, int], Started]) -> float:
    """Samples a CPU second of a receiver's process; a pause before and after lets it settle."""
    with tempfile.TemporaryDirectory() as directory, running(start, Path(directory)) as found:
        pid, port = found
        load = load_of(version, SystemClock().now_ms() - ROUNDS * STEP_MS)
        cpu = 0.0
        for number, bodies in enumerate(load.bodies):
            if number == 1:
                settle(pid)
                cpu = cpu_seconds(pid)
            for body in bodies:
                post(port, version, body)
        time.sleep(1)
        return load.samples / (cpu_seconds(pid) - cpu)


def settle(pid: int) -> None:
    """Wait until a process does next to nothing: compiling and loading are not what is measured."""
    for _ in range(SETTLE_SECONDS // 2):
        before = cpu_seconds(pid)
        time.sleep(2)
        if cpu_seconds(pid) - before < 2 * IDLE_RATIO:
            return


def post(port: int, version: Version, body: bytes) -> None:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {
        "Content-Type": CONTENT_TYPES[version],
        "Content-Encoding": "snappy",
        "X-Prometheus-Remote-Write-Version": VERSION_HEADERS[version],
    }
    connection.request("POST", "/api/v1/write", body, headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 204, (answer.status, text[:300])
    connection.close()


@contextmanager
def running(start: Callable[[Path, int], Started], directory: Path) -> Iterator[tuple[int, int]]:
    """A receiver's process and port."""
    command, port, path = start(directory, free_port())
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        settle(process.pid)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()
