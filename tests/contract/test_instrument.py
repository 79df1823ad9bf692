"""What the instrumentation library says, the collector takes in: pages, metrics and logs of OTLP.

The same requests give the same series and values on every way in, and promtool finds no fault with
the names.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from collector.ingest.formats import otlp_logs, otlp_metrics
from collector.ingest.formats.negotiate import Formats, media_type_of, new_parser
from collector.ingest.formats.otlp_series import Promotion
from collector.ingest.formats.page import Page
from collector.ingest.formats.scan.otlp_points import COUNT, DELTA, FIRST, START_NS
from collector.model.labels import Labels
from tocsin_instrument import Instrumentation, bad, good, instrument, measured, names

REQUESTS = {"/items/1": 40, "/items/2": 10, "/broken": 7, "/nowhere": 3}

Series = dict[Labels, float]


class Collector:
    """Keeps the bodies that an exporter sends."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[bytes]] = {}
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                bodies.setdefault(self.path, []).append(body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()

    @app.get("/items/{item}")
    async def item(item: int) -> int:
        return item

    @app.get("/broken", status_code=500)
    async def broken() -> str:
        return "broken"

    return app


def use(app: FastAPI, registry: CollectorRegistry, **settings: Any) -> Instrumentation:
    """An instrumented app that has answered `REQUESTS`."""
    handle = instrument(app, "shop-web", registry=registry, json_logs=False, **settings)
    for path, count in REQUESTS.items():
        for _ in range(count):
            get(app, path)
    good("orders", 5, registry=registry)
    bad("orders", 2, registry=registry)
    with measured("charge", registry=registry):
        pass
    return handle


def get(app: Any, path: str, accept: str = "") -> tuple[dict[str, str], bytes]:
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"accept", accept.encode())],
    }
    asyncio.run(app(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
    return headers, b"".join(message.get("body", b"") for message in messages)


def parsed(app: FastAPI, accept: str) -> Page:
    headers, body = get(app, "/metrics", accept)
    return new_parser(media_type_of(headers["content-type"], None)).parse(body)


def series_of(page: Page) -> Series:
    labels = (page.layout.table.labels_of(index) for index in page.layout.indices)
    return dict(zip(labels, page.values.tolist(), strict=True))


def comparable(series: Series) -> dict[frozenset[tuple[str, str]], float]:
    """Without what differs by way or by moment: process metrics, the scraper's own labels.

    A bound is a number: as in Prometheus, pages say `1.0` where OTLP gives `1`.
    """
    return {
        frozenset(
            (name, str(float(value)) if name == "le" else value)
            for name, value in labels.items()
            if name not in ("job", "instance")
        ): value
        for labels, value in series.items()
        if not labels["__name__"].startswith("process_")
        and not labels["__name__"].startswith("tocsin_instrument_")
    }


def counted(series: Series, **wanted: str) -> list[float]:
    return [
        value
        for labels, value in series.items()
        if labels["__name__"] == f"{names.HTTP_DURATION}_count"
        and all(labels.get(name) == text for name, text in wanted.items())
    ]


@pytest.mark.parametrize("accept", ["", Formats().accept()], ids=["text", "openmetrics"])
def test_the_page_is_read_by_the_collector(app: FastAPI, accept: str) -> None:
    use(app, CollectorRegistry())
    series = series_of(parsed(app, accept))
    assert counted(series, http_route="/items/{item}", http_response_status_code="200") == [50]
    assert counted(series, http_route="/items/{item}", http_response_status_code="500") == [0]
    assert counted(series, http_route="/broken", http_response_status_code="500") == [7]
    assert sum(counted(series)) == sum(REQUESTS.values())


def test_both_formats_of_the_page_are_the_same_series(app: FastAPI) -> None:
    use(app, CollectorRegistry())
    text, openmetrics = series_of(parsed(app, "")), series_of(parsed(app, Formats().accept()))
    assert comparable(text) == comparable(openmetrics)


def test_openmetrics_tells_the_collector_since_when_series_count(app: FastAPI) -> None:
    use(app, CollectorRegistry())
    page = parsed(app, Formats().accept())
    assert page.start_ms is not None
    for row, index in enumerate(page.layout.indices):
        name = page.layout.table.labels_of(index)["__name__"]
        if name.startswith((names.HTTP_DURATION, names.INDICATOR_EVENTS)):
            assert page.start_ms[row] > 0, name


def test_otlp_gives_the_series_of_the_page(app: FastAPI, collector: Collector) -> None:
    handle = use(app, CollectorRegistry(), otlp_endpoint=collector.url)
    page = series_of(parsed(app, ""))
    handle.close()
    points = otlp_metrics.scan(collector.bodies["/v1/metrics"][-1])
    reader = otlp_metrics.PointReader(points, Promotion())
    pushed: Series = {}
    for point in range(len(points)):
        row = points.rows[point]
        assert not row[DELTA]
        values = points.values[row[FIRST] : row[FIRST] + row[COUNT]].tolist()
        for labels, value in zip(reader.series(point), values, strict=True):
            assert labels["job"] == "shop-web"
            assert labels["instance"]
            pushed[labels] = value
            if labels["__name__"].startswith(names.HTTP_DURATION):
                assert row[START_NS] > 0
    assert comparable(pushed) == comparable(page)
    assert sum(counted(pushed)) == sum(REQUESTS.values())


def test_otlp_logs_are_read_by_the_collector(app: FastAPI, collector: Collector) -> None:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    try:
        use(app, CollectorRegistry(), otlp_endpoint=collector.url).close()
    finally:
        root.setLevel(level)
    batches = [otlp_logs.from_protobuf(body, 1) for body in collector.bodies["/v1/logs"]]
    assert not any(batch.refused for batch in batches)
    assert sum(len(batch.batch) for batch in batches) == sum(REQUESTS.values())


@pytest.mark.peer
def test_promtool_finds_no_fault(app: FastAPI, binary: Callable[[str], str]) -> None:
    promtool = binary("promtool")
    use(app, CollectorRegistry())
    run = subprocess.run(
        [promtool, "check", "metrics"], input=get(app, "/metrics")[1], capture_output=True
    )
    assert run.returncode == 0, run.stderr.decode() + run.stdout.decode()
    assert not run.stderr.decode().strip()
