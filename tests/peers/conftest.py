"""A Prometheus and a tocsin that hold the same samples, rules and target, both as processes."""

from __future__ import annotations

import importlib
import shutil
import socket
import struct
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

import cramjam
import pytest

from collector.ingest.formats.remote_write_messages import V1
from collector.model.samples import NORMAL_NAN_BITS

STEP_MS = 15_000
STEPS = 120
EXPOSITION = """\
# HELP shop_orders_total Orders taken.
# TYPE shop_orders_total counter
shop_orders_total{kind="book"} 3
# HELP shop_open Whether the shop is open.
# TYPE shop_open gauge
shop_open 1
"""
RULES = """\
groups:
- name: shop
  interval: 1s
  rules:
  - record: job:heat:sum
    expr: sum by (job) (heat)
    labels: {source: rules}
  - alert: ShopOpen
    expr: shop_open == 1
    labels: {severity: info}
    annotations: {summary: "{{ $labels.instance }} is open"}
- name: never
  interval: 1s
  rules:
  - alert: Never
    expr: vector(0) > 1
    for: 5m
"""
SCRAPES = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s, external_labels: {{site: lab}}}}
rule_files: [rules.yml]
scrape_configs:
- job_name: shop
  static_configs: [{{targets: ["{target}"], labels: {{zone: a}}}}]
- job_name: dropped
  static_configs: [{{targets: ["127.0.0.1:1"]}}]
  relabel_configs: [{{action: drop, source_labels: [job], regex: dropped}}]
"""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, whatever its status."""

    status: int
    headers: HTTPMessage
    body: bytes


def ask(url: str, data: bytes | None = None, method: str | None = None, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=data, headers=named, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return Reply(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Reply(error.code, error.headers, error.read())


@dataclass(frozen=True)
class Pair:
    """Two URLs, and the time of the last of the samples that both were given."""

    prometheus: str
    tocsin: str
    end_ms: int

    @property
    def start_ms(self) -> int:
        return self.end_ms - (STEPS - 1) * STEP_MS

    def both(
        self, path: str, data: bytes | None = None, method: str | None = None, **headers: str
    ) -> tuple[Reply, Reply]:
        """The answers to one request, Prometheus's first."""
        return (
            ask(self.prometheus + path, data, method, **headers),
            ask(self.tocsin + path, data, method, **headers),
        )


def write_request(end_ms: int) -> bytes:
    """Counters, gauges with odd values and a classic histogram, as remote write 1.0."""
    times = [end_ms - (STEPS - 1 - i) * STEP_MS for i in range(STEPS)]
    [nan] = struct.unpack("<d", struct.pack("<Q", NORMAL_NAN_BITS))
    odd = [nan, float("inf"), -float("inf"), 1e-7, 1e21, 123456789.0, 0.1, -0.0]
    series = {
        ("odd",): [odd[i % len(odd)] for i in range(STEPS)],
        ("brief",): [1.0] * 10,
        ("short",): [float(i * i) for i in range(10)],
    }
    for number, job in enumerate(("api", "web")):
        for code in ("200", "500"):
            key = ("requests_total", ("job", job), ("code", code))
            series[key] = [float(i * (number + 2) + int(code)) for i in range(STEPS)]
        series["heat", ("job", job), ("path", 'a"b\\c\né')] = [i / 7 for i in range(STEPS)]
        for le in ("0.1", "1", "+Inf"):
            slope = {"0.1": 1, "1": 3, "+Inf": 4}[le]
            key = ("latency_bucket", ("job", job), ("le", le))
            series[key] = [float(i * slope) for i in range(STEPS)]
    request = V1["WriteRequest"]()
    for (name, *labels), values in series.items():
        one = request.timeseries.add()
        for label, value in sorted([("__name__", name), *labels]):
            one.labels.add(name=label, value=value)
        for time_ms, value in zip(times, values, strict=False):
            one.samples.add(timestamp=time_ms, value=value)
    _add_exemplars(request, times)
    _add_histograms(request, times)
    _add_fine_histogram(request, times)
    return bytes(cramjam.snappy.compress_raw(request.SerializeToString()))


def _add_exemplars(request: Any, times: list[int]) -> None:
    """Two for each counter: one observation of which the trace is known."""
    for one in request.timeseries:
        if any(label.value == "requests_total" for label in one.labels):
            for number in (20, 40):
                exemplar = one.exemplars.add(value=number / 4, timestamp=times[number] + 7)
                exemplar.labels.add(name="trace_id", value=f"trace-{number}")


def _add_histograms(request: Any, times: list[int]) -> None:
    """A native histogram that grows: schema 1, two spans, a zero bucket, and a negative one."""
    one = request.timeseries.add()
    for label, value in (("__name__", "latency_native"), ("job", "api")):
        one.labels.add(name=label, value=value)
    for i, time_ms in enumerate(times):
        histogram = one.histograms.add(
            count_int=7 * (i + 1), sum=2.5 * (i + 1), schema=1, zero_threshold=0.001
        )
        histogram.zero_count_int, histogram.timestamp = i + 1, time_ms
        histogram.positive_spans.add(offset=0, length=2)
        histogram.positive_spans.add(offset=3, length=1)
        histogram.positive_deltas.extend([i + 1, i + 1, -(i + 1)])
        histogram.negative_spans.add(offset=-2, length=1)
        histogram.negative_deltas.append(2 * (i + 1))


def _add_fine_histogram(request: Any, times: list[int]) -> None:
    """Every bucket between 0.5 and 2 of the finest schema: their bounds must be Prometheus's."""
    one = request.timeseries.add()
    one.labels.add(name="__name__", value="latency_fine")
    histogram = one.histograms.add(count_int=512, sum=512.0, schema=8, timestamp=times[-1])
    histogram.zero_count_int = 0
    histogram.positive_spans.add(offset=-255, length=512)
    histogram.positive_deltas.extend([1] + [0] * 511)


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both servers with the same samples, each having scraped the target and run its rules."""
    if not shutil.which("prometheus"):
        pytest.skip("Debian's prometheus package is not installed")
    server = importlib.import_module("tests.oracles.exposition_server")
    processes = importlib.import_module("tests.conftest").Processes
    directory = tmp_path_factory.mktemp("pair")
    started = processes(directory)
    target = server.ExpositionServer(server.Answer(EXPOSITION.encode()))
    try:
        made = _started(directory, started, target.address)
        yield made
    finally:
        started.end()
        target.close()


def _started(directory: Path, started: Any, target: str) -> Pair:
    ports = [_free_port(), _free_port()]
    prometheus, tocsin = (f"http://127.0.0.1:{port}" for port in ports)
    (directory / "rules.yml").write_text(RULES)
    scrapes = SCRAPES.format(target=target)
    (directory / "prometheus.yml").write_text(scrapes)
    (directory / "tocsin.yml").write_text(scrapes + "web: {enable_admin_api: true}\n")
    started.start(
        [
            "prometheus",
            f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/prometheus",
            f"--web.listen-address=127.0.0.1:{ports[0]}",
            f"--web.external-url={prometheus}",
            "--web.enable-remote-write-receiver",
            "--web.enable-admin-api",
            "--enable-feature=exemplar-storage,native-histograms",
        ]
    )
    data = f"--data-dir={directory}/tocsin"
    started.python(
        "tocsin", "up", f"--config={directory}/tocsin.yml", data, f"--listen=127.0.0.1:{ports[1]}"
    )
    end_ms = int(time.time()) // 60 * 60_000 - 60_000
    body = write_request(end_ms)
    for url in (prometheus, tocsin):
        _until(lambda url=url: ask(f"{url}/-/ready").status == 200, started)
        reply = ask(
            f"{url}/api/v1/write",
            body,
            Content_Type="application/x-protobuf",
            Content_Encoding="snappy",
        )
        assert reply.status == 204, reply
    pair = Pair(prometheus, tocsin, end_ms)
    query = urllib.parse.quote('ALERTS{alertname="ShopOpen"} and on() job:heat:sum')
    for url in (prometheus, tocsin):
        path = f"{url}/api/v1/query?query={query}"
        _until(lambda path=path: b"ShopOpen" in ask(path).body, started)
    return pair


def _until(condition: Callable[[], object], started: Any) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and started.all_run():
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.1)
    pytest.fail(f"a server did not get ready\n{started.logs()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
