"""PromQL on the store in memory, beside Debian's Prometheus with the same samples.

10,000 counters, 2 h at 15 s, 240 steps. Ours is timed from the text of the query to the JSON of the
answer, in one process; Prometheus from the HTTP request to its whole answer. Medians of several
runs, after one that is not counted.
"""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cramjam
import numpy as np

from bench.figures import Figure
from collector.api.json_values import value_json
from collector.model.clock import SystemClock
from collector.model.labels import Labels
from collector.model.samples import Float64s
from collector.query.engine import Engine
from collector.query.kernels import warm
from collector.store.tsdb import Tsdb

SERIES = 10_000
SCRAPE_MS = 15_000
SCRAPES = 481
STEP_MS = 30_000
RUNS = 9
QUERIES = {
    "range_query_memory_ms": "sum by (instance, code) (rate(x_total[5m]))",
    "range_query_topk_ms": "topk(5, sum by (instance) (rate(x_total[5m])))",
    "range_query_ratio_ms": (
        'sum by (instance) (rate(x_total{code=~"20[0-4]"}[5m])) '
        "/ sum by (instance) (rate(x_total[5m]))"
    ),
    "range_query_max_over_time_ms": "max by (code) (max_over_time(x_total[10m]))",
    "range_query_selector_ms": "count by (code) (x_total > 100)",
}


def measure() -> list[Figure]:
    """Each query's milliseconds, ours and Prometheus's."""
    end_ms = SystemClock().now_ms() // SCRAPE_MS * SCRAPE_MS
    values, labels = _counters()
    warm()
    with tempfile.TemporaryDirectory() as directory:
        ours = _measure_ours(Path(directory), labels, values, end_ms)
    theirs = _measure_prometheus(labels, values, end_ms) if shutil.which("prometheus") else {}
    return [
        Figure(
            name,
            ours[name],
            "ms",
            "prometheus 2.42" if name in theirs else "",
            theirs.get(name),
            theirs[name] / ours[name] if name in theirs else None,
        )
        for name in QUERIES
    ]


def _counters() -> tuple[Float64s, list[Labels]]:
    dice = np.random.default_rng(1)
    values = np.cumsum(dice.integers(0, 50, (SCRAPES, SERIES)), axis=0).astype(np.float64)
    labels = [
        Labels.of(
            "x_total",
            job="bench",
            instance=f"host-{i % 100}:9100",
            code=str(200 + i // 100 % 10),
            path=f"/api/v1/resource/{i // 1000}",
        )
        for i in range(SERIES)
    ]
    return values, labels


def _times(end_ms: int) -> list[int]:
    return [end_ms - (SCRAPES - 1 - i) * SCRAPE_MS for i in range(SCRAPES)]


def _median_ms(run: Callable[[], object]) -> float:
    run()
    taken = []
    for _ in range(RUNS):
        started = time.perf_counter()
        run()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def _measure_ours(
    directory: Path, labels: list[Labels], values: Float64s, end_ms: int
) -> dict[str, float]:
    store = Tsdb.open(directory, SystemClock())
    try:
        refs = store.refs("bench", labels)
        for time_ms, row in zip(_times(end_ms), values, strict=True):
            store.append_row("bench", time_ms, refs, row)
        engine = Engine(store)
        start_ms = end_ms - 239 * STEP_MS

        def ask(query: str) -> bytes:
            return value_json(engine.range(query, start_ms, end_ms, STEP_MS).value).encode()

        return {name: _median_ms(lambda q=query: ask(q)) for name, query in QUERIES.items()}  # type: ignore[misc]
    finally:
        store.close()


def _measure_prometheus(labels: list[Labels], values: Float64s, end_ms: int) -> dict[str, float]:
    with _prometheus() as url:
        for part in np.array_split(np.arange(SCRAPES), 4):  # its head takes no sample 1 h back
            times = np.array(_times(end_ms), np.int64)[part]
            for rows in np.array_split(np.arange(SERIES), 10):
                body = b"".join(_series(labels[i], times, values[part, i]) for i in rows.tolist())
                _post(f"{url}/api/v1/write", bytes(cramjam.snappy.compress_raw(body)))
        given = {"start": (end_ms - 239 * STEP_MS) / 1000, "end": end_ms / 1000, "step": 30}

        def ask(query: str) -> bytes:
            form = urllib.parse.urlencode({"query": query, **given})
            with urllib.request.urlopen(f"{url}/api/v1/query_range?{form}", timeout=120) as answer:
                body: bytes = answer.read()
            return body

        return {name: _median_ms(lambda q=query: ask(q)) for name, query in QUERIES.items()}  # type: ignore[misc]


@contextmanager
def _prometheus() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "prometheus.yml")
        config.write_text("{}\n")
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={directory}/data",
                f"--web.listen-address=127.0.0.1:{port}",
                "--web.enable-remote-write-receiver",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(f"http://127.0.0.1:{port}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


def _wait(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{url}/-/ready", timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("Prometheus was not ready within 30 s")


def _post(url: str, body: bytes) -> None:
    headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
    with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60):
        pass


# Remote write 1.0: WriteRequest{1: TimeSeries{1: Label{1, 2}, 2: Sample{1: double, 2: int64}}}


def _series(labels: Labels, times: np.ndarray, values: Float64s) -> bytes:  # type: ignore[type-arg]
    body = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in labels.pairs
    )
    body += b"".join(
        _field(2, b"\x09" + value.tobytes() + b"\x10" + _varint(time_ms))
        for time_ms, value in zip(times.tolist(), values, strict=True)
    )
    return _field(1, body)


def _field(number: int, payload: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(payload)) + payload


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
