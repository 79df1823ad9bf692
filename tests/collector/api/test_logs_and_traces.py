"""Logs over HTTP: taken, redacted, stored and found; refused with a reason that helps."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from collector.api.logs_and_traces import router
from collector.ingest.receivers.otlp_logs import LogsReceiver
from collector.ingest.redact import Redactor
from collector.logs_config import LogsConfig
from collector.model.clock import ManualClock
from collector.model.errors import UnavailableError
from collector.store.documents.interface import DAY_MS
from collector.store.documents.local import LocalLogStore
from collector.store.documents.self_metrics import LogMetrics

PROTOBUF, JSON = "application/x-protobuf", "application/json"


class Served:
    """A store behind its routes."""

    def __init__(self, directory: Path, clock: ManualClock) -> None:
        self.clock = clock
        self.registry = CollectorRegistry()
        metrics = LogMetrics(self.registry)
        self.store = LocalLogStore(directory, clock, metrics)
        receiver = LogsReceiver(self.store, Redactor(), clock, metrics, max_body_bytes=100_000)
        app = FastAPI()
        app.include_router(router(self.store, receiver))
        self.client = TestClient(app)

    def body(self, *bodies: str, age_ms: int = 0) -> bytes:
        request = ExportLogsServiceRequest()
        resource_logs = request.resource_logs.add()
        resource_logs.resource.attributes.add(key="service.name").value.string_value = "shop"
        records = resource_logs.scope_logs.add().log_records
        for text in bodies:
            nanoseconds = (self.clock.now_ms() - age_ms) * 1_000_000
            record = records.add(time_unix_nano=nanoseconds, severity_number=17)
            record.body.string_value = text
        return bytes(request.SerializeToString())

    def count(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def served(tmp_path: Path, clock: ManualClock) -> Iterator[Served]:
    running = Served(tmp_path / "logs", clock)
    yield running
    running.store.close()


def test_a_log_is_stored_redacted_and_found(served: Served) -> None:
    answer = served.client.post(
        "/v1/logs",
        content=served.body("card 4111 1111 1111 1111"),
        headers={"Content-Type": PROTOBUF},
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == PROTOBUF
    found = served.client.get("/api/tocsin/v1/logs", params={"text": "card", "level": "error"})
    (record,) = found.json()["logs"]
    assert record["body"] == "card <redacted:card>"
    assert (record["service"], record["level"]) == ("shop", "error")
    assert found.json()["is_cut"] is False
    assert served.count("tocsin_log_records_stored_total", origin="otlp") == 1
    assert served.count("tocsin_log_redactions_total", kind="card") == 1
    assert served.count("tocsin_log_requests_total", code="200") == 1


def test_gzip_and_json_are_taken_too(served: Served) -> None:
    packed = gzip.compress(served.body("packed"))
    headers = {"Content-Type": PROTOBUF, "Content-Encoding": "gzip"}
    assert served.client.post("/v1/logs", content=packed, headers=headers).status_code == 200
    record = {"timeUnixNano": str(served.clock.now_ms() * 10**6), "body": {"stringValue": "json"}}
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    answer = served.client.post("/v1/logs", json=body)
    assert (answer.status_code, answer.json()) == (200, {})
    logs = served.client.get("/api/tocsin/v1/logs").json()["logs"]
    assert sorted(found["body"] for found in logs) == ["json", "packed"]


def test_what_is_refused_is_a_partial_success_with_its_reason(served: Served) -> None:
    content = served.body("old", age_ms=100 * DAY_MS)
    answer = served.client.post("/v1/logs", content=content, headers={"Content-Type": PROTOBUF})
    partial = ExportLogsServiceResponse.FromString(answer.content).partial_success
    assert answer.status_code == 200
    assert partial.rejected_log_records == 1
    assert "older than its level is kept" in partial.error_message
    labels = {"origin": "otlp", "reason": "too_old"}
    assert served.count("tocsin_log_records_refused_total", **labels) == 1


@pytest.mark.parametrize(
    ("content", "headers", "status", "message"),
    [
        (b"\xff\xff", {"Content-Type": PROTOBUF}, 400, "not an OTLP"),
        (b"{", {"Content-Type": JSON}, 400, "not OTLP/JSON"),
        (b"x", {"Content-Type": "text/plain"}, 415, "application/x-protobuf or application/json"),
        (b"x", {}, 415, "application/x-protobuf or application/json"),
        (b"x", {"Content-Type": JSON, "Content-Encoding": "br"}, 415, "gzip, zstd or none"),
        (
            b"x",
            {"Content-Type": JSON, "Content-Encoding": "gzip"},
            400,
            "send a whole packed stream",
        ),
        (b"x" * 100_001, {"Content-Type": JSON}, 413, "100,000 bytes"),
        (
            gzip.compress(b"x" * 100_000_000),
            {"Content-Type": JSON, "Content-Encoding": "gzip"},
            413,
            "100,000 bytes",
        ),
    ],
    ids=["protobuf", "json", "media", "no media", "encoding", "gzip", "large", "bomb"],
)
def test_a_wrong_request_is_told_what_to_change(
    served: Served, content: bytes, headers: dict[str, str], status: int, message: str
) -> None:
    answer = served.client.post("/v1/logs", content=content, headers=headers)
    assert answer.status_code == status
    assert message in answer.content.decode(errors="replace")
    assert served.client.get("/api/tocsin/v1/logs").json()["logs"] == []
    assert served.count("tocsin_log_requests_total", code=str(status)) == 1


def test_a_store_that_is_away_makes_the_sender_try_again(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(batch: object) -> None:
        raise UnavailableError("the cluster is away")

    monkeypatch.setattr(served.store, "write", away)
    answer = served.client.post(
        "/v1/logs", content=served.body("x"), headers={"Content-Type": PROTOBUF}
    )
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


@pytest.mark.parametrize("params", [{"limit": "0"}, {"limit": "100000"}, {"start_ms": "-1"}])
def test_a_search_outside_the_limits_is_refused(served: Served, params: dict[str, str]) -> None:
    assert served.client.get("/api/tocsin/v1/logs", params=params).status_code == 422


def test_a_cut_answer_says_so(served: Served) -> None:
    content = served.body("1", "2", "3")
    served.client.post("/v1/logs", content=content, headers={"Content-Type": PROTOBUF})
    body = served.client.get("/api/tocsin/v1/logs", params={"limit": 2}).json()
    assert (len(body["logs"]), body["is_cut"]) == (2, True)


@pytest.mark.parametrize(
    "section",
    [
        {"retention": {"debug": "1h"}},
        {"retention": {"trace": "7d"}},
        {"elasticsearch": {}},
        {"elasticsearch": {"url": "es:9200"}},
        {"elasticsearch": {"url": "http://es", "username": "u"}},
        {"elasticsearch": {"url": "http://es", "api_key": "a", "api_key_file": "b"}},
        {"elasticsearch": {"url": "http://es", "username": "u", "password": "p", "api_key": "a"}},
        {"max_size": "0"},
    ],
    ids=json.dumps,
)
def test_a_section_that_makes_no_sense_is_refused(section: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LogsConfig.model_validate(section)
