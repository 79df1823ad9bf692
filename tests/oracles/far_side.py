"""A remote-write endpoint on a local port that keeps every sample, and can be away or grumpy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from collector.ingest.formats import remote_write
from collector.ingest.formats.remote_write import HistogramSample, SeriesReader
from collector.ingest.receivers.remote_write import version_of
from collector.model.exemplar import Exemplar
from collector.model.labels import Labels

Status = tuple[int, dict[str, str]]


def fine() -> Status:
    return 204, {}


@dataclass
class FarSide:
    """`samples`: (time, value) of each series in the order in which they came, repeats and all."""

    status: Callable[[], Status] = fine
    samples: dict[Labels, list[tuple[int, float]]] = field(default_factory=dict)
    histograms: dict[Labels, list] = field(default_factory=dict)
    exemplars: list = field(default_factory=list)
    families: dict = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    requests: int = 0
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, headers: dict[str, str], body: bytes) -> Status:
        with self.lock:
            self.requests += 1
            status, told = self.status()
            if status >= 300:
                return status, told
            self.headers.append(headers)
            version = version_of(headers["content-type"])
            request = remote_write.scan(remote_write.unpacked(body), version)
            self._keep(request, SeriesReader(request))
            if version == 2:
                told = {"X-Prometheus-Remote-Write-Samples-Written": str(len(request.values))}
            return status, told

    def _keep(self, request: remote_write.Request, reader: SeriesReader) -> None:
        self.families.update(reader.families())
        names = [reader.labels(row) for row in range(len(request.series))]
        for owner, time, value in zip(
            request.owners.tolist(),
            request.timestamps_ms.tolist(),
            request.values.tolist(),
            strict=True,
        ):
            self.samples.setdefault(names[owner], []).append((time, value))
        for row, labels in enumerate(names):
            for one in reader.histograms(row):
                assert isinstance(one, HistogramSample), one
                self.histograms.setdefault(labels, []).append((one.timestamp_ms, one.histogram))
            for one in reader.exemplars(row, labels):
                assert isinstance(one, Exemplar), one
                self.exemplars.append(one)
            told = reader.metadata(row)
            if told is not None:
                self.families.update([told])


@contextmanager
def far_side(port: int = 0) -> Iterator[FarSide]:
    """It listens until the block ends."""
    side = FarSide()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, told = side.take(headers, body)
            self.send_response(status)
            for name, value in {**told, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    side.url = f"http://127.0.0.1:{server.server_address[1]}/api/v1/write"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield side
    finally:
        server.shutdown()
        server.server_close()
