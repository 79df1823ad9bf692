"""Traces over HTTP and gRPC: counted for the objectives that ask, else dropped and told."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from prometheus_client import CollectorRegistry

from collector.api.logs_and_traces import router
from collector.ingest.receivers.otlp_grpc import TRACES_METHOD, OtlpGrpc
from collector.ingest.receivers.otlp_logs import LogsReceiver
from collector.ingest.receivers.otlp_traces import TracesReceiver
from collector.ingest.record_counters import RecordCounters
from collector.ingest.redact import Redactor
from collector.ingest.self_metrics import RecordMetrics
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.store.documents.local import LocalLogStore
from collector.store.documents.self_metrics import LogMetrics
from collector.store.tsdb import Tsdb
from slo.config import SloConfig
from slo.evaluate import SloEngine
from slo.record_rules import record_rules
from slo.self_metrics import SloMetrics
from slo.specs import objectives_of

PROTOBUF, JSON = "application/x-protobuf", "application/json"
SPEC = """
version: tocsin/v1
service: shop
slos:
  - name: pay
    objective: 99%
    spans: {where: {name: POST /pay, kind: server}, bad: {status: error}, slower_than: 300ms}
  - name: log-errors
    objective: 99%
    logs: {where: {body: "=~payment .*"}, bad: {severity: ">= error"}}
"""


class Deaf:
    def emit(self, alerts) -> None:
        pass


class Served:
    def __init__(self, directory: Path, clock: ManualClock, spec: str) -> None:
        self.clock, self.registry = clock, CollectorRegistry()
        self.store = Tsdb.open(directory / "metrics", clock)
        objectives = objectives_of(spec, "slo.yaml") if spec else []
        metrics = RecordMetrics(self.registry)
        counters = RecordCounters(self.store, clock, metrics)
        counters.apply(record_rules(objectives))
        log_metrics = LogMetrics(self.registry)
        self.logs = LocalLogStore(directory / "logs", clock, log_metrics)
        receiver = LogsReceiver(self.logs, Redactor(), clock, log_metrics, counters=counters)
        self.traces = TracesReceiver(counters, metrics, max_body_bytes=100_000)
        app = FastAPI()
        app.include_router(router(self.logs, receiver, self.traces))
        self.client = TestClient(app)
        self.engine = SloEngine(
            objectives,
            self.store,
            self.store,
            Deaf(),
            clock,
            directory / "slo",
            SloConfig(),
            SloMetrics(CollectorRegistry()),
        )

    def count(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def events(self, slo: str) -> tuple[float, float]:
        self.clock.advance(15_000)
        self.engine.tick(self.clock.now_ms())
        budget = self.engine.verdict(slo).budget
        return budget.bad, budget.total

    def close(self) -> None:
        self.engine.close()
        self.logs.close()
        self.store.close()


@pytest.fixture
def served(tmp_path: Path, clock: ManualClock) -> Iterator[Served]:
    running = Served(tmp_path, clock, SPEC)
    yield running
    running.close()


def request(*spans: tuple[str, int, int], service: str = "shop") -> ExportTraceServiceRequest:
    found = ExportTraceServiceRequest()
    of = found.resource_spans.add()
    of.resource.attributes.add(key="service.name").value.string_value = service
    mine = of.scope_spans.add().spans
    for name, ms, status in spans:
        span = mine.add(name=name, kind=2, start_time_unix_nano=10**18)
        span.end_time_unix_nano = 10**18 + ms * 1_000_000
        span.status.code = status
    return found


PAYS = (("POST /pay", 10, 0), ("POST /pay", 301, 1), ("POST /pay", 300, 2), ("GET /", 900, 2))


def test_spans_are_counted_for_the_objective_that_asks(served: Served) -> None:
    body = gzip.compress(request(*PAYS).SerializeToString())
    headers = {"Content-Type": PROTOBUF, "Content-Encoding": "gzip"}
    answer = served.client.post("/v1/traces", content=body, headers=headers)
    assert answer.status_code == 200
    assert not ExportTraceServiceResponse.FromString(answer.content).HasField("partial_success")
    assert served.events("shop/pay") == (2, 3)
    assert served.count("tocsin_spans_received_total") == 4
    assert served.count("tocsin_spans_dropped_total") == 1
    assert served.count("tocsin_records_counted_total", kind="spans") == 3


def test_json_with_hex_ids_is_the_same(served: Served) -> None:
    span = {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "name": "POST /pay",
        "kind": 2,
        "startTimeUnixNano": "1000000000000000000",
        "endTimeUnixNano": "1000000000400000000",
        "status": {},
    }
    name = {"key": "service.name", "value": {"stringValue": "shop"}}
    body = {
        "resourceSpans": [
            {"resource": {"attributes": [name]}, "scopeSpans": [{"spans": [span, span]}]}
        ]
    }
    answer = served.client.post("/v1/traces", json=body)
    assert (answer.status_code, answer.json()) == (200, {})
    assert served.events("shop/pay") == (2, 2)


def test_log_records_are_counted_once_they_are_stored(served: Served) -> None:
    found = ExportLogsServiceRequest()
    of = found.resource_logs.add()
    of.resource.attributes.add(key="service.name").value.string_value = "shop"
    for text, severity in (("payment taken", 9), ("payment failed", 17), ("hello", 21)):
        record = of.scope_logs.add().log_records.add(severity_number=severity)
        record.body.string_value = text
    headers = {"Content-Type": PROTOBUF}
    served.client.post("/v1/logs", content=found.SerializeToString(), headers=headers)
    assert served.events("shop/log-errors") == (1, 2)
    assert served.logs.search is not None


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"\xff\xff", {"Content-Type": PROTOBUF}, 400),
        (b"[1]", {"Content-Type": JSON}, 400),
        (b'{"resourceSpans": [{"scopeSpans": [3]}]}', {"Content-Type": JSON}, 400),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"x" * 100_001, {"Content-Type": PROTOBUF}, 413),
    ],
)
def test_what_is_no_trace_is_refused(served: Served, content, headers, status) -> None:
    answer = served.client.post("/v1/traces", content=content, headers=headers)
    assert answer.status_code == status
    assert served.count("tocsin_trace_requests_total", code=str(status)) == 1
    if headers["Content-Type"] == JSON:
        assert json.loads(answer.content)["message"]


def test_over_grpc_it_is_the_same(served: Served) -> None:
    server = OtlpGrpc({TRACES_METHOD: served.traces.receive}, 100_000)
    held = socket.create_server(("127.0.0.1", 0))
    server.start(held)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{held.getsockname()[1]}") as channel:
            call = channel.unary_unary(TRACES_METHOD)
            answer = call(request(*PAYS).SerializeToString(), timeout=20)
    finally:
        server.stop()
    assert ExportTraceServiceResponse.FromString(answer) == ExportTraceServiceResponse()
    assert served.events("shop/pay") == (2, 3)


def test_without_an_objective_spans_are_dropped_and_that_is_told(
    tmp_path: Path, clock: ManualClock
) -> None:
    running = Served(tmp_path, clock, "")
    headers = {"Content-Type": PROTOBUF}
    body = request(*PAYS).SerializeToString()
    assert running.client.post("/v1/traces", content=body, headers=headers).status_code == 200
    assert running.count("tocsin_spans_dropped_total") == 4
    assert Labels.of("tocsin_counted_records_total") not in running.store.series([], 0, 2**62)
    running.close()
