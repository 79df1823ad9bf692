"""Debian's Prometheus and VictoriaMetrics, started for a bench and fed by remote write."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import cramjam
import numpy as np

from bench.promql_data import Samples
from collector.model.labels import Labels

AT_ONCE_MS = 1_800_000
SERIES_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that answers Prometheus's API at host:port."""

    name: str
    address: str

    def ask(self, query: str, start_ms: int, end_ms: int, step_ms: int) -> bytes:
        """The whole body of a range query's answer."""
        given = {
            "query": query,
            "start": start_ms / 1000,
            "end": end_ms / 1000,
            "step": step_ms / 1000,
        }
        connection = HTTPConnection(self.address, timeout=300)
        connection.request("GET", f"/api/v1/query_range?{urllib.parse.urlencode(given)}")
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{self.name} answered {answer.status}: {body[:300]!r}")
        return body


@contextmanager
def prometheus() -> Iterator[Peer | None]:
    """Debian's Prometheus, or None where it is not installed."""
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory, "prometheus.yml")
        config.write_text("{}\n")
        flags = [
            f"--config.file={config}",
            f"--storage.tsdb.path={directory}/data",
            "--web.enable-remote-write-receiver",
            "--query.max-samples=500000000",
            "--web.listen-address={address}",
        ]
        with _running("prometheus", "prometheus 2.42", flags, "/-/ready") as peer:
            yield peer


@contextmanager
def victoria_metrics() -> Iterator[Peer | None]:
    """Debian's VictoriaMetrics without its cache of answers, or None."""
    with tempfile.TemporaryDirectory() as directory:
        flags = [
            f"-storageDataPath={directory}",
            "-retentionPeriod=10y",
            "-httpListenAddr={address}",
            "-search.latencyOffset=0s",
            "-search.maxUniqueTimeseries=1000000",
            "-search.disableCache=true",
        ]
        with _running("victoria-metrics", "victoria-metrics 1.79", flags, "/health") as peer:
            yield peer


@contextmanager
def _running(program: str, name: str, flags: Sequence[str], ready: str) -> Iterator[Peer | None]:
    if shutil.which(program) is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(
        [program, *(flag.format(address=address) for flag in flags)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(f"http://{address}{ready}")
        yield Peer(name, address)
    finally:
        process.terminate()
        process.wait(60)


def _wait(url: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"{url} was not ready within 30 s")


def load(peer: Peer, samples: Samples) -> None:
    """All samples, in order of time: Prometheus's head takes nothing that is an hour old."""
    times = np.array(samples.times_ms, np.int64)
    heads = [_head(one) for one in samples.labels]
    parts = max(len(times) * samples.interval_ms // AT_ONCE_MS, 1)
    for rows in np.array_split(np.arange(len(times)), parts):
        for first in range(0, len(heads), SERIES_AT_ONCE):
            columns = slice(first, first + SERIES_AT_ONCE)
            message = _message(heads[columns], times[rows], samples.values[rows, columns])
            _post(peer, bytes(cramjam.snappy.compress_raw(message)))


def _post(peer: Peer, body: bytes) -> None:
    headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
    request = urllib.request.Request(f"http://{peer.address}/api/v1/write", body, headers)
    with urllib.request.urlopen(request, timeout=120):
        pass


# Remote write 1.0: WriteRequest{1: TimeSeries{1: Label{1, 2}, 2: Sample{1: double, 2: int64}}}.
# The time of a sample takes six bytes as a varint from 2005 to 2109, so every sample has 18 bytes.


def _message(heads: Sequence[bytes], times: np.ndarray, values: np.ndarray) -> bytes:  # type: ignore[type-arg]
    cells = np.empty((len(heads), len(times), 18), np.uint8)
    cells[:, :, 0], cells[:, :, 1], cells[:, :, 2], cells[:, :, 11] = 0x12, 0x10, 0x09, 0x10
    cells[:, :, 3:11] = np.ascontiguousarray(values.T).view(np.uint8).reshape(*cells.shape[:2], 8)
    stamps = (times[:, None] >> (7 * np.arange(6))) & 0x7F
    stamps[:, :5] |= 0x80
    cells[:, :, 12:18] = stamps
    return b"".join(_field(1, head + row.tobytes()) for head, row in zip(heads, cells, strict=True))


def _head(labels: Labels) -> bytes:
    return b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode()))
        for name, value in labels.pairs
    )


def _field(number: int, payload: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(payload)) + payload


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
