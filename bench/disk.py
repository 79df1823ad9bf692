"""What samples cost on disk, and how fast blocks are written and read, beside the same samples in
Debian's Prometheus and VictoriaMetrics.

Two loads: 10,000 counters, 2 h at 15 s; and the page of a real node_exporter, read 240 times as
fast as it answers and stamped 15 s apart. Each store is asked to put everything on disk before it
is measured: ours by cutting and compacting, Prometheus by a snapshot, VictoriaMetrics by flush and
merge. All that a store writes counts, labels and index as well.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bench.figures import Figure
from bench.ingest import free_port
from bench.promql_data import Samples
from bench.promql_peers import Peer, _running, _wait, load
from bench.store import SCRAPE_MS, SCRAPES, START_MS, _counters, _labels
from collector.ingest.formats.text import TextParser
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb
from collector.store.warm_up import warm_up

HOUR_MS = 3_600_000
NODE_SCRAPES = 240


def measure() -> list[Figure]:
    """Every figure of the disk."""
    warm_up()
    end_ms = START_MS + (SCRAPES - 1) * SCRAPE_MS
    figures = _compared(
        "bytes_per_sample", Samples(list(_labels()), _counters(), SCRAPE_MS, end_ms)
    )
    if (page := _node_exporter()) is not None:
        figures += _compared("node_exporter_bytes_per_sample", page)
    return figures


def _compared(name: str, data: Samples) -> list[Figure]:
    ours, written, read = _tsdb(data)
    figures = [Figure(name, ours, "bytes")]
    for peer, measured in (("prometheus", _prometheus), ("victoria-metrics", _victoria_metrics)):
        if shutil.which(peer) is not None:
            theirs = measured(data)
            figures.append(
                Figure(
                    f"{name}_{peer.replace('-', '_')}", ours, "bytes", peer, theirs, theirs / ours
                )
            )
    if name == "bytes_per_sample":
        figures.append(Figure("block_write_samples_per_second", written, "samples/s"))
        figures.append(Figure("block_read_samples_per_second", read, "samples/s"))
    return figures


def _tsdb(data: Samples) -> tuple[float, float, float]:
    """Bytes a sample; samples written to blocks and read from them in a second."""
    first_ms = data.times_ms[0]
    with tempfile.TemporaryDirectory() as name:
        clock = ManualClock(first_ms)
        store = Tsdb.open(Path(name), clock, StoreOptions())
        refs = store.refs("bench", data.labels)
        for at_ms, row in zip(data.times_ms, data.values, strict=True):
            store.append_row("bench", at_ms, refs, row)
        clock.advance(data.end_ms - first_ms + 30 * HOUR_MS)
        started = time.perf_counter()
        store.maintain()
        written = time.perf_counter() - started
        store.compact()
        started = time.perf_counter()
        found = store.select([Matcher("=~", "__name__", ".+")], first_ms - 1, data.end_ms)
        read = time.perf_counter() - started
        if sum(one.values.size for one in found) != data.values.size:
            raise RuntimeError("samples are missing")
        size = store.status().block_bytes
        store.close()
    count = data.values.size
    return size / count, count / written, count / read


def _prometheus(data: Samples) -> float:
    with tempfile.TemporaryDirectory() as name:
        config = Path(name, "prometheus.yml")
        config.write_text("{}\n")
        flags = [
            f"--config.file={config}",
            f"--storage.tsdb.path={name}/data",
            "--storage.tsdb.retention.time=10y",
            "--web.enable-remote-write-receiver",
            "--web.enable-admin-api",
            "--web.listen-address={address}",
        ]
        with _running("prometheus", "prometheus", flags, "/-/ready") as peer:
            if peer is None:
                raise RuntimeError("prometheus is gone")
            load(peer, data)
            answer = json.loads(_post(peer, "/api/v1/admin/tsdb/snapshot"))
            snapshot = Path(name, "data/snapshots", answer["data"]["name"])
            return _size(snapshot) / data.values.size


def _victoria_metrics(data: Samples) -> float:
    with tempfile.TemporaryDirectory() as name:
        flags = [
            f"-storageDataPath={name}",
            "-retentionPeriod=100y",
            "-httpListenAddr={address}",
            "-search.latencyOffset=0s",
        ]
        with _running("victoria-metrics", "victoria-metrics", flags, "/health") as peer:
            if peer is None:
                raise RuntimeError("victoria-metrics is gone")
            load(peer, data)
            _post(peer, "/internal/force_flush")
            _post(peer, "/internal/force_merge")
            time.sleep(5)
            _post(peer, "/internal/force_flush")
            return (_size(Path(name, "data")) + _size(Path(name, "indexdb"))) / data.values.size


def _post(peer: Peer, path: str) -> bytes:
    request = urllib.request.Request(f"http://{peer.address}{path}", b"")
    with urllib.request.urlopen(request, timeout=120) as answer:
        body: bytes = answer.read()
        return body


def _size(path: Path) -> int:
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())


@contextmanager
def _exporter() -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        ["prometheus-node-exporter", f"--web.listen-address={address}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(f"http://{address}/metrics")
        yield f"http://{address}/metrics"
    finally:
        process.terminate()
        process.wait(30)


def _node_exporter() -> Samples | None:
    """What its page said each time, of the series that were there every time."""
    if shutil.which("prometheus-node-exporter") is None:
        return None
    parser = TextParser()
    rows: list[dict[Labels, float]] = []
    with _exporter() as url:
        for _ in range(NODE_SCRAPES):
            with urllib.request.urlopen(url, timeout=30) as answer:
                page = parser.parse(answer.read())
            labels_of = page.layout.table.labels_of
            places = page.layout.indices.tolist()
            found = zip(places, page.values.tolist(), strict=True)
            rows.append({labels_of(i): v for i, v in found})
    always = sorted(set.intersection(*(set(row) for row in rows)))
    labels = [one.with_labels(job="node", instance="localhost:9100") for one in always]
    values = np.array([[row[one] for one in always] for row in rows])
    return Samples(labels, values, SCRAPE_MS, START_MS + (NODE_SCRAPES - 1) * SCRAPE_MS)
