"""OTLP over HTTP into a whole process: CPU time of `tocsin up` for requests of known series.

The peers that Debian packages take no OTLP, so it stands alone; `bench.ingest` has the same
requests without HTTP.
"""

from __future__ import annotations

import gzip
import http.client
import tempfile
import time
from pathlib import Path

from bench.figures import Figure
from bench.ingest import FIRST_SECOND, OTLP_POINTS, cpu_seconds, otlp_request
from bench.remote_write import running, settle, tocsin
from collector.model.clock import SystemClock

ROUNDS = 100
GZIP_LEVEL = 1
HEADERS = {"Content-Type": "application/x-protobuf"}


def measure() -> list[Figure]:
    """Plain, as an SDK sends by default, and packed, as a collector does."""
    return [
        Figure("otlp_http_points_per_cpu_second", over_http(packed=False), "points/CPU s"),
        Figure("otlp_http_gzip_points_per_cpu_second", over_http(packed=True), "points/CPU s"),
    ]


def over_http(*, packed: bool) -> float:
    """Points a CPU second of tocsin's process; the first request makes the series."""
    first = SystemClock().now_ms() // 1000 - ROUNDS - FIRST_SECOND
    bodies = [otlp_request(first + k) for k in range(ROUNDS)]
    headers = {**HEADERS, **({"Content-Encoding": "gzip"} if packed else {})}
    if packed:
        bodies = [gzip.compress(body, GZIP_LEVEL) for body in bodies]
    with tempfile.TemporaryDirectory() as directory, running(tocsin, Path(directory)) as found:
        pid, port = found
        post(port, bodies[0], headers)
        settle(pid)
        cpu = cpu_seconds(pid)
        for body in bodies[1:]:
            post(port, body, headers)
        time.sleep(1)
        return OTLP_POINTS * (ROUNDS - 1) / (cpu_seconds(pid) - cpu)


def post(port: int, body: bytes, headers: dict[str, str]) -> None:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/v1/metrics", body, headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 200, (answer.status, text[:300])
    connection.close()
