"""Remote write with real peers, both ways: what one side holds is what the other side holds."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cramjam
import pytest

from tests.oracles.remote_write_requests import CONTENT_TYPES, Series, encode

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]

Eventually = Callable[..., object]
SETTLED = 8
"""Samples a series before the sides are compared."""


def ask(port: int, path: str, **parameters: str) -> Any:
    url = f"http://127.0.0.1:{port}{path}?{urllib.parse.urlencode(parameters)}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def is_ready(port: int, path: str) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
        return bool(answer.status == 200)


def held(port: int, selector: str, window: str = "1h") -> dict[tuple[tuple[str, str], ...], dict]:
    """(time, value) of every sample of the series that a selector finds."""
    answer = ask(port, "/api/v1/query", query=f"{selector}[{window}]")
    return {
        tuple(sorted(one["metric"].items())): dict(one["values"])
        for one in answer["data"]["result"]
        if "values" in one
    }


def grown(port: int, selector: str, samples: int = SETTLED) -> bool:
    found = held(port, selector)
    return bool(found) and all(len(values) >= samples for values in found.values())


def assert_holds_the_same(here: dict, there: dict) -> None:
    """The receiver has the sender's series; in the time that both cover, sample by sample."""
    assert set(there) == set(here)
    for series, values in there.items():
        first, last = min(values), max(values)
        expected = {at: value for at, value in here[series].items() if first <= at <= last}
        assert set(values) == set(expected), series
        for at, value in values.items():
            assert float(value) == float(expected[at]) or value == expected[at] == "NaN", (
                series,
                at,
            )


class Stage:
    def __init__(self, processes: Any, directory: Path, free_port: Callable[[], int]) -> None:
        self.processes, self.directory, self.free_port = processes, directory, free_port
        self.node = free_port()

    def start_node(self, binary: str) -> None:
        address = f"--web.listen-address=127.0.0.1:{self.node}"
        self.processes.start([binary, address, "--collector.disable-defaults", "--collector.cpu",
                              "--collector.meminfo", "--collector.netdev"])  # fmt: skip

    def scrape(self) -> str:
        return (
            "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
            "scrape_configs:\n- job_name: node\n"
            f'  static_configs: [{{targets: ["127.0.0.1:{self.node}"]}}]\n'
        )

    def prometheus(self, binary: str, config: str, *arguments: str) -> int:
        port = self.free_port()
        file = self.directory / f"prometheus-{port}.yml"
        file.write_text(config)
        self.processes.start(
            [
                binary,
                f"--config.file={file}",
                f"--storage.tsdb.path={self.directory / f'prometheus-{port}'}",
                f"--web.listen-address=127.0.0.1:{port}",
                *arguments,
            ]
        )
        return port

    def tocsin(self, config: str) -> int:
        port = self.free_port()
        file = self.directory / f"tocsin-{port}.yml"
        file.write_text(config + "anomaly: {enabled: false}\n")
        self.processes.python(
            "tocsin", "up", "--config", str(file),
            "--data-dir", str(self.directory / f"tocsin-{port}"),
            "--listen", f"127.0.0.1:{port}",
        )  # fmt: skip
        return port


@pytest.fixture
def stage(processes: Any, tmp_path: Path, free_port: Callable[[], int]) -> Stage:
    return Stage(processes, tmp_path, free_port)


def sending_to(port: int, *more: str, path: str = "/api/v1/write") -> str:
    lines = [
        f"- url: http://127.0.0.1:{port}{path}",
        "  queue_config: {batch_send_deadline: 200ms}",
    ]
    return "\n".join(["remote_write:", *lines, *(f"  {line}" for line in more)]) + "\n"


def test_prometheus_writes_into_tocsin(
    stage: Stage, binary: Callable[[str], str], eventually: Eventually
) -> None:
    prometheus = binary("prometheus")
    stage.start_node(binary("prometheus-node-exporter"))
    tocsin = stage.tocsin("scrape_configs: []\n")
    eventually(lambda: is_ready(tocsin, "/-/ready"), 150, "tocsin")
    soon = "metadata_config: {send_interval: 1s}"
    sender = stage.prometheus(prometheus, stage.scrape() + sending_to(tocsin, soon))
    selector = '{job="node",__name__=~"node_.+|up|scrape_samples_scraped"}'
    eventually(lambda: grown(tocsin, selector), 60, "samples in tocsin")
    there, here = held(tocsin, selector), held(sender, selector)
    assert len(there) > 50
    assert_holds_the_same(here, there)
    told = ask(tocsin, "/api/v1/metadata", metric="node_cpu_seconds_total")["data"]
    assert told["node_cpu_seconds_total"][0]["type"] == "counter"


@pytest.mark.parametrize("receiver", ["prometheus", "victoria-metrics"])
def test_tocsin_writes_into(
    receiver: str, stage: Stage, binary: Callable[[str], str], eventually: Eventually
) -> None:
    program = binary(receiver)
    stage.start_node(binary("prometheus-node-exporter"))
    if receiver == "prometheus":
        there = stage.prometheus(program, "global: {}\n", "--web.enable-remote-write-receiver")
        eventually(lambda: is_ready(there, "/-/ready"), 150, receiver)
    else:
        there = stage.free_port()
        data = stage.directory / "victoria"
        stage.processes.start(
            [program, f"-storageDataPath={data}", f"-httpListenAddr=127.0.0.1:{there}"]
        )
        eventually(lambda: is_ready(there, "/health"), 60, receiver)
    more = ["write_relabel_configs:", "- {source_labels: [job], regex: node, action: keep}"]
    here = stage.tocsin(stage.scrape() + sending_to(there, *more))
    selector = '{job="node",__name__=~"node_.+|up|scrape_samples_scraped"}'
    eventually(lambda: is_ready(here, "/-/ready"), 150, "tocsin")
    eventually(lambda: grown(there, selector), 90, f"samples in {receiver}")
    received = held(there, selector)
    assert len(received) > 50
    assert_holds_the_same(held(here, selector), received)


HISTOGRAM = {
    "count_int": 10, "sum": 12.5, "schema": 3, "zero_threshold": 0.001, "zero_count_int": 1,
    "positive_spans": [(-2, 2), (3, 1)], "positive_deltas": [1, 2, -1],
    "negative_spans": [(0, 1)], "negative_deltas": [3],
}  # fmt: skip
CUSTOM = {
    "count_int": 5, "sum": 9.0, "schema": -53, "custom_values": [0.25, 1.0],
    "positive_spans": [(0, 1), (1, 1)], "positive_deltas": [2, 1],
}  # fmt: skip


def both_versions(port: int) -> str:
    """One endpoint a version; the label `via` tells what came by which."""
    found = "remote_write:\n"
    for via, message in (("1", "prometheus.WriteRequest"), ("2", "io.prometheus.write.v2.Request")):
        found += (
            f"- url: http://127.0.0.1:{port}/api/v1/write\n  name: version-{via}\n"
            f"  protobuf_message: {message}\n  send_native_histograms: true\n"
            "  send_exemplars: true\n  queue_config: {batch_send_deadline: 200ms}\n"
            "  write_relabel_configs:\n"
            f'  - {{target_label: via, replacement: "{via}"}}\n'
        )
    return found


def test_tocsin_writes_native_histograms_into_tocsin(stage: Stage, eventually: Eventually) -> None:
    there = stage.tocsin("scrape_configs: []\n")
    eventually(lambda: is_ready(there, "/-/ready"), 150, "the receiver")
    here = stage.tocsin("scrape_configs: []\n" + both_versions(there))
    eventually(lambda: is_ready(here, "/-/ready"), 150, "the sender")
    now_ms = round(float(ask(here, "/api/v1/query", query="time()")["data"]["result"][1]) * 1000)
    exemplars = [({"trace_id": "abc"}, 0.5, now_ms)]
    series = [
        Series({"__name__": "h", "job": "j"}, histograms=[{**HISTOGRAM, "timestamp": now_ms}]),
        Series({"__name__": "c", "job": "j"}, histograms=[{**CUSTOM, "timestamp": now_ms}]),
        Series({"__name__": "x_total", "job": "j"}, [(now_ms, 1.5, 0)], exemplars, kind="counter"),
    ]
    request = urllib.request.Request(
        f"http://127.0.0.1:{here}/api/v1/write",
        bytes(cramjam.snappy.compress_raw(encode(2, series))),
        {"Content-Type": CONTENT_TYPES[2], "Content-Encoding": "snappy"},
    )
    assert urllib.request.urlopen(request, timeout=60).status == 204
    at = str(now_ms / 1000)

    def result(port: int, query: str) -> Any:
        return ask(port, "/api/v1/query", query=query, time=at)["data"]["result"]

    names = ("h", "c", "x_total")
    queries = [f'{name}{{via="{via}"}}' for name in names for via in "12"]
    eventually(lambda: all(result(there, query) for query in queries), 30, "all series")
    for query in queries:
        (sent,), (received,) = result(here, query.partition("{")[0]), result(there, query)
        del received["metric"]["via"]
        assert received == sent
        assert received.get("histogram", received.get("value"))
    around = {"start": str(now_ms // 1000 - 60), "end": str(now_ms // 1000 + 60)}
    told = ask(there, "/api/v1/query_exemplars", query="x_total", **around)["data"]
    assert [one["exemplars"][0]["labels"] for one in told] == [{"trace_id": "abc"}] * 2
