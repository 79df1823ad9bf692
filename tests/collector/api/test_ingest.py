"""The OTLP routes over real HTTP semantics: what a sender sees for good and for bad bodies."""

import gzip
import json

import cramjam
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from prometheus_client import CollectorRegistry

from collector.api.ingest import metrics_receiver, router
from collector.config import OtlpConfig
from collector.ingest.write import SampleWriter
from collector.model.errors import StorageError
from collector.self_metrics import IngestMetrics
from tests.oracles.otlp_requests import RequestBuilder
from tests.oracles.recording_appender import RecordingAppender

PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}
BODY = RequestBuilder(service__name="web").sum("hits", 3, 10).bytes()
JSON_BODY = {
    "resourceMetrics": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]},
            "scopeMetrics": [
                {
                    "metrics": [
                        {
                            "name": "hits",
                            "sum": {
                                "aggregationTemporality": 2,
                                "isMonotonic": True,
                                "dataPoints": [
                                    {"timeUnixNano": "10000000000", "asInt": "3", "unheard": 1}
                                ],
                            },
                        }
                    ]
                }
            ],
        }
    ]
}


class Bench:
    def __init__(self, **config: object) -> None:
        self.store = RecordingAppender()
        self.registry = CollectorRegistry()
        metrics = IngestMetrics(self.registry)
        writer = SampleWriter(self.store, metrics, "otlp")
        receiver = metrics_receiver(writer, metrics, OtlpConfig.model_validate(config))
        app = FastAPI()
        app.include_router(router(receiver))
        self.client = TestClient(app)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("path", ["/v1/metrics", "/api/v1/otlp/v1/metrics"])
@pytest.mark.parametrize("encoding", ["", "gzip", "zstd"])
def test_protobuf_is_stored_and_answered(bench: Bench, path: str, encoding: str) -> None:
    pack = {"": bytes, "gzip": gzip.compress, "zstd": lambda raw: bytes(cramjam.zstd.compress(raw))}
    headers = {**PROTOBUF, "content-encoding": encoding} if encoding else PROTOBUF
    answer = bench.client.post(path, content=pack[encoding](BODY), headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert ExportMetricsServiceResponse.FromString(answer.content) == ExportMetricsServiceResponse()
    assert bench.store.samples("hits_total", job="web") == [(10_000, 3.0)]


def test_json_is_stored_and_answered_in_json(bench: Bench) -> None:
    answer = bench.client.post("/v1/metrics", content=json.dumps(JSON_BODY), headers=JSON)
    assert (answer.status_code, answer.json()) == (200, {})
    assert bench.store.samples("hits_total", job="web") == [(10_000, 3.0)]


def test_an_empty_request_is_a_success(bench: Bench) -> None:
    assert bench.client.post("/v1/metrics", content=b"", headers=PROTOBUF).status_code == 200


def test_what_is_refused_is_told_as_partial_success(bench: Bench) -> None:
    request = RequestBuilder(service__name="web").sum("hits", 3, 10).gauge("undated", 1, 0)
    answer = bench.client.post("/v1/metrics", content=request.bytes(), headers=PROTOBUF)
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert answer.status_code == 200
    assert partial.rejected_data_points == 1
    assert "time_unix_nano" in partial.error_message
    assert bench.store.values("hits_total") == [3]
    labels = {"origin": "otlp", "reason": "no_timestamp"}
    count = bench.registry.get_sample_value("tocsin_ingest_samples_refused_total", labels)
    assert count == 1


def test_partial_success_in_json_has_its_count_as_text(bench: Bench) -> None:
    """Protobuf's JSON writes 64-bit integers as strings."""
    point = {"asDouble": 1.0, "timeUnixNano": "0"}
    metric = {"name": "undated", "gauge": {"dataPoints": [point]}}
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    answer = bench.client.post("/v1/metrics", content=json.dumps(body), headers=JSON)
    partial = answer.json()["partialSuccess"]
    assert (answer.status_code, partial["rejectedDataPoints"]) == (200, "1")
    assert "time_unix_nano" in partial["errorMessage"]


@pytest.mark.parametrize(
    ("body", "headers", "status", "told"),
    [
        (b"garbage", PROTOBUF, 400, b"not an OTLP ExportMetricsServiceRequest"),
        (b"{", JSON, 400, b"not OTLP/JSON"),
        (b"[]", JSON, 400, b"not OTLP/JSON"),
        (b'{"resourceMetrics": 5}', JSON, 400, b"not OTLP/JSON"),
        (b"[" * 100_000, JSON, 400, b"not OTLP/JSON"),
        (b"\xff\xfe", JSON, 400, b"not OTLP/JSON"),
        (BODY, {"content-type": "text/plain"}, 415, b"text/plain"),
        (BODY, {}, 415, b"Content-Type"),
        (BODY, {**PROTOBUF, "content-encoding": "br"}, 415, b"br"),
        (BODY, {**PROTOBUF, "content-encoding": "gzip"}, 400, b"not gzip"),
        (
            gzip.compress(BODY)[:-4],
            {**PROTOBUF, "content-encoding": "gzip"},
            400,
            b"ends before its end",
        ),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    bench: Bench, body: bytes, headers: dict[str, str], status: int, told: bytes
) -> None:
    answer = bench.client.post("/v1/metrics", content=body, headers=headers)
    assert answer.status_code == status
    assert told in answer.content
    assert not bench.store.rows


def test_a_body_of_100_mb_is_refused_before_it_is_read(bench: Bench) -> None:
    sent = 0

    def chunks():  # type: ignore[no-untyped-def]
        nonlocal sent
        for _ in range(100):
            sent += 1
            yield b"\x00" * 1_000_000

    answer = bench.client.post("/v1/metrics", content=chunks(), headers=PROTOBUF)
    assert answer.status_code == 413
    assert b"otlp.max_body_size of 67,108,864" in answer.content
    told = {**PROTOBUF, "content-length": "104857600"}
    assert bench.client.post("/v1/metrics", content=b"x", headers=told).status_code == 413


def test_a_gzip_bomb_is_refused_at_the_limit() -> None:
    bench = Bench(max_body_size="1MB")
    bomb = gzip.compress(b"\x00" * 50_000_000)
    answer = bench.client.post(
        "/v1/metrics", content=bomb, headers={**PROTOBUF, "content-encoding": "gzip"}
    )
    assert answer.status_code == 413


def test_a_full_disk_makes_the_sender_try_again(bench: Bench) -> None:
    def full(*_: object) -> None:
        raise StorageError("no space left", advice="make room")

    bench.store.append_row = full  # type: ignore[assignment,method-assign]
    answer = bench.client.post("/v1/metrics", content=BODY, headers=PROTOBUF)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert b"no space left" in answer.content
    assert bench.registry.get_sample_value("tocsin_otlp_requests_total", {"code": "503"}) == 1


def test_only_post_is_served(bench: Bench) -> None:
    assert bench.client.get("/v1/metrics").status_code == 405
