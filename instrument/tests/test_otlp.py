"""Metrics, spans and logs arrive at a collector as counted, and what does not arrive is counted."""

from __future__ import annotations

import asyncio
import gzip
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import CollectorRegistry, Gauge, Summary

from tocsin_instrument import instrument, outgoing_headers
from tocsin_instrument.outbox import Outbox
from tocsin_instrument.testing import CapturedMetrics

MESSAGES = {
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}
DROPPED = "tocsin_instrument_dropped_total"


class Collector:
    """A server that decodes what it gets."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                if outer.status == 200:
                    outer.received.append(MESSAGES[self.path].FromString(body))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def metrics(self) -> dict[str, Any]:
        """The last export's metrics by name."""
        last = [m for m in self.received if isinstance(m, ExportMetricsServiceRequest)][-1]
        return {
            m.name: m for r in last.resource_metrics for s in r.scope_metrics for m in s.metrics
        }

    def spans(self) -> list[Any]:
        found = [m for m in self.received if isinstance(m, ExportTraceServiceRequest)]
        return [s for m in found for r in m.resource_spans for x in r.scope_spans for s in x.spans]

    def logs(self) -> list[Any]:
        found = [m for m in self.received if isinstance(m, ExportLogsServiceRequest)]
        return [
            record
            for m in found
            for r in m.resource_logs
            for s in r.scope_logs
            for record in s.log_records
        ]


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.server.shutdown()
    running.server.server_close()


def attributes(item: Any) -> dict[str, Any]:
    return {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in item.attributes}


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/items/{item}")
    async def item(item: int) -> dict[str, str]:
        logging.getLogger("orders").warning("low stock", extra={"left": 3})
        return outgoing_headers()

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("no stock")

    return app


def test_metrics_arrive_as_they_were_counted(
    collector: Collector, registry: CollectorRegistry, ask_async: Any
) -> None:
    Gauge("queue_depth", "Depth.", registry=registry).set(7)
    Summary("job_seconds", "Jobs.", registry=registry).observe(2.5)
    app = make_app()
    handle = instrument(
        app, "shop-web", registry=registry, json_logs=False, otlp_endpoint=collector.url
    )

    async def many() -> None:
        await asyncio.gather(*(ask_async(app, "/items/1") for _ in range(1500)))
        await asyncio.gather(*(ask_async(app, "/broken") for _ in range(500)))

    asyncio.run(many())
    handle.close()
    metrics = collector.metrics()
    duration = metrics["http.server.request.duration"]
    assert duration.unit == "s"
    assert duration.histogram.aggregation_temporality == 2
    counts = {
        (found["http.route"], found["http.response.status_code"]): point.count
        for point in duration.histogram.data_points
        if (found := attributes(point))
    }
    assert counts == {
        ("/items/{item}", 200): 1500,
        ("/items/{item}", 500): 0,
        ("/broken", 500): 500,
    }
    for point in duration.histogram.data_points:
        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
        assert sum(point.bucket_counts) == point.count
        assert 0 < point.start_time_unix_nano <= point.time_unix_nano
    assert metrics["http.server.active_requests"].gauge.data_points[0].as_double == 0
    assert metrics["queue_depth"].gauge.data_points[0].as_double == 7
    assert metrics["job_seconds"].histogram.data_points[0].sum == 2.5
    assert metrics["tocsin_instrument_dropped"].sum.is_monotonic


def test_the_resource_names_service_and_instance(
    collector: Collector, registry: CollectorRegistry, call: Any
) -> None:
    app = make_app()
    handle = instrument(
        app,
        "shop-web",
        version="1.2",
        registry=registry,
        json_logs=False,
        otlp_endpoint=collector.url,
    )
    call(app, "/items/1")
    handle.close()
    resources = []
    for message in collector.received:
        for kind in ("resource_metrics", "resource_spans", "resource_logs"):
            resources += [attributes(part.resource) for part in getattr(message, kind, ())]
    assert len(resources) == 3
    for resource in resources:
        assert resource["service.name"] == "shop-web"
        assert resource["service.version"] == "1.2"
    assert len({resource["service.instance.id"] for resource in resources}) == 1


def test_a_request_is_a_span_under_its_caller(
    collector: Collector, registry: CollectorRegistry, call: Any
) -> None:
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    app = make_app()
    handle = instrument(app, registry=registry, json_logs=False, otlp_endpoint=collector.url)
    answer = call(app, "/items/7", headers={"traceparent": f"00-{trace}-{parent}-01"})
    call(app, "/broken")
    call(app, "/items/7", headers={"traceparent": f"00-{trace}-{parent}-00"})
    handle.close()
    fine, broken = collector.spans()
    assert fine.name == "GET /items/{item}"
    assert fine.kind == 2
    assert (fine.trace_id.hex(), fine.parent_span_id.hex()) == (trace, parent)
    assert f"00-{trace}-{fine.span_id.hex()}-01".encode() in answer.body
    assert attributes(fine)["http.response.status_code"] == 200
    assert attributes(fine)["http.route"] == "/items/{item}"
    assert fine.status.code == 0
    assert broken.name == "GET /broken"
    assert broken.status.code == 2
    assert broken.parent_span_id == b""


def test_an_exception_makes_an_error_span(
    collector: Collector, registry: CollectorRegistry, call: Any
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("no stock")

    handle = instrument(app, registry=registry, json_logs=False, otlp_endpoint=collector.url)
    call(handle)
    handle.close()
    (span,) = collector.spans()
    assert attributes(span)["error.type"] == "RuntimeError"
    assert span.events[0].name == "exception"


def test_log_records_arrive_with_the_ids_of_their_request(
    collector: Collector, registry: CollectorRegistry, call: Any
) -> None:
    app = make_app()
    handle = instrument(app, registry=registry, json_logs=False, otlp_endpoint=collector.url)
    logging.getLogger().setLevel(logging.INFO)
    call(app, "/items/7", headers={"x-request-id": "r-9"})
    handle.close()
    (span,) = collector.spans()
    own, access = sorted(collector.logs(), key=lambda record: record.time_unix_nano)
    assert own.body.string_value == "low stock"
    assert own.severity_text == "WARN"
    assert attributes(own)["left"] == 3
    assert access.body.string_value == "GET /items/7 200"
    assert access.severity_number == 9
    for record in (own, access):
        assert record.trace_id == span.trace_id
        assert record.span_id == span.span_id
        assert attributes(record)["request_id"] == "r-9"


def test_signals_go_out_by_the_environment_too(
    collector: Collector,
    registry: CollectorRegistry,
    call: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    app = make_app()
    handle = instrument(app, "shop", registry=registry, json_logs=False)
    call(app, "/items/7")
    handle.close()
    assert {type(message) for message in collector.received} == {
        ExportMetricsServiceRequest,
        ExportTraceServiceRequest,
    }


def test_without_a_collector_every_request_is_answered_and_every_loss_counted(
    registry: CollectorRegistry, counted: CapturedMetrics, ask_async: Any, free_port: int
) -> None:
    app = make_app()
    url = f"http://127.0.0.1:{free_port}"
    handle = instrument(app, registry=registry, json_logs=False, otlp_endpoint=url)
    logging.getLogger().setLevel(logging.INFO)

    async def many() -> list[Any]:
        return await asyncio.gather(*(ask_async(app, "/items/1") for _ in range(1000)))

    assert {answer.status for answer in asyncio.run(many())} == {200}
    handle.close(0.5)
    assert counted.increase(DROPPED, signal="traces") == 1000
    assert counted.increase(DROPPED, signal="logs") == 2000
    assert counted.increase(DROPPED, signal="metrics", reason="export_failed") > 0


def test_a_collector_that_refuses_is_counted_and_said_once(
    collector: Collector,
    registry: CollectorRegistry,
    counted: CapturedMetrics,
    caplog: pytest.LogCaptureFixture,
) -> None:
    works = [False]
    outbox: Outbox[int] = Outbox("logs", lambda _: works[0], _dropped(registry))
    with caplog.at_level(logging.INFO, "tocsin_instrument.export"):
        for number in range(3):
            outbox.put(number)
            _until(lambda n=number: counted.increase(DROPPED) == n + 1)  # type: ignore[misc]
        works[0] = True
        outbox.put(4)
        outbox.close(5, lambda: None)
    assert counted.increase(DROPPED, signal="logs", reason="export_failed") == 3
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2
    assert said[0].startswith("exporting logs fails")
    assert said[1] == "exporting logs works again"


def test_a_full_queue_drops_counts_and_never_waits(
    registry: CollectorRegistry, counted: CapturedMetrics
) -> None:
    held = threading.Event()
    taken: list[int] = []

    def export(batch: Any) -> bool:
        held.wait(10)
        taken.extend(batch)
        return True

    outbox: Outbox[int] = Outbox("traces", export, _dropped(registry), capacity=100)
    for number in range(1000):
        outbox.put(number)
    held.set()
    outbox.close(5, lambda: None)
    outbox.put(1001)
    full = counted.increase(DROPPED, signal="traces", reason="queue_full")
    assert full >= 800
    assert len(taken) + full == 1000
    assert counted.increase(DROPPED, signal="traces", reason="shutdown") == 1


def test_what_exporters_log_is_not_exported_again(
    collector: Collector, registry: CollectorRegistry, counted: CapturedMetrics, call: Any
) -> None:
    collector.status = 400
    app = make_app()
    handle = instrument(app, registry=registry, json_logs=False, otlp_endpoint=collector.url)
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.INFO)
    call(app, "/items/1")
    _until(lambda: counted.increase(DROPPED, signal="logs") >= 2)
    logging.getLogger().setLevel(logging.INFO)
    handle.close()
    # The two of the application; urllib3 and the exporters have said much more by now.
    assert counted.increase(DROPPED, signal="logs") == 2


def _dropped(registry: CollectorRegistry) -> Any:
    from tocsin_instrument.metrics import metrics_of

    return metrics_of(registry).dropped


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
