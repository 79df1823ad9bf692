"""The remote-write route: what a sender sees for good and for bad requests."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from collector.api.remote_write import remote_write_receiver, router
from collector.ingest.limits import MAX_REMOTE_WRITE_BODY_BYTES
from collector.ingest.write import SampleWriter
from collector.model.errors import StorageError
from collector.self_metrics import IngestMetrics
from tests.oracles.recording_appender import RecordingAppender
from tests.oracles.remote_write_requests import CONTENT_TYPES, Series, encode, packed

ONE = Series({"__name__": "x", "job": "j"}, [(1000, 1.0, 0)])
WRITTEN = "x-prometheus-remote-write-{}-written"


class Bench:
    def __init__(self) -> None:
        self.store = RecordingAppender()
        self.registry = CollectorRegistry()
        app = FastAPI()
        metrics = IngestMetrics(self.registry)
        writer = SampleWriter(self.store, metrics, "remote_write")
        app.include_router(router(remote_write_receiver(writer, metrics)))
        self.client = TestClient(app)

    def post(self, body: bytes, content_type: str = CONTENT_TYPES[1], encoding: str = "snappy"):  # type: ignore[no-untyped-def]
        headers = {"content-type": content_type, "content-encoding": encoding}
        headers = {name: value for name, value in headers.items() if value}
        return self.client.post("/api/v1/write", content=body, headers=headers)

    def requests(self, version: str, code: int) -> float:
        labels = {"version": version, "code": str(code)}
        return self.registry.get_sample_value("tocsin_remote_write_requests_total", labels) or 0


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("version", [1, 2])
def test_a_good_request_is_answered_with_204(bench: Bench, version: int) -> None:
    answer = bench.post(packed(encode(version, [ONE])), CONTENT_TYPES[version])
    assert (answer.status_code, answer.content) == (204, b"")
    assert bench.store.values("x") == [1.0]
    assert bench.requests(f"{version}.0", 204) == 1


def test_version_2_says_how_much_was_written(bench: Bench) -> None:
    histogram = {"count_int": 1, "positive_spans": [(0, 1)], "positive_deltas": [1]}
    series = [
        ONE,
        Series({"__name__": "h"}, histograms=[{**histogram, "timestamp": 5}]),
        Series({"__name__": "y"}, [(1, 1.0, 0)], [({"trace_id": "t"}, 1.0, 1)]),
    ]
    answer = bench.post(packed(encode(2, series)), CONTENT_TYPES[2])
    told = [answer.headers[WRITTEN.format(what)] for what in ("samples", "histograms", "exemplars")]
    assert told == ["2", "1", "1"]


@pytest.mark.parametrize("version", [1, 2])
def test_duplicates_are_answered_with_400_and_the_rest_is_stored(
    bench: Bench, version: int
) -> None:
    other = Series({"__name__": "y"}, [(1000, 2.0, 0)])
    bench.post(packed(encode(version, [ONE])), CONTENT_TYPES[version])
    answer = bench.post(packed(encode(version, [ONE, other])), CONTENT_TYPES[version])
    assert answer.status_code == 400
    assert "1 refused as duplicate" in answer.text
    assert bench.store.values("y") == [2.0]
    if version == 2:
        assert answer.headers[WRITTEN.format("samples")] == "1"


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("application/json", "snappy"),
        ("application/x-protobuf;proto=io.prometheus.write.v9.Request", "snappy"),
        (CONTENT_TYPES[1], "gzip"),
        (CONTENT_TYPES[2], "zstd"),
    ],
)
def test_what_is_not_remote_write_is_answered_with_415(
    bench: Bench, content_type: str, encoding: str
) -> None:
    answer = bench.post(packed(encode(1, [ONE])), content_type, encoding)
    assert answer.status_code == 415
    assert not bench.store.rows


def test_senders_without_headers_are_taken_for_version_1(bench: Bench) -> None:
    assert bench.post(packed(encode(1, [ONE])), "", "").status_code == 204


@pytest.mark.parametrize("body", [b"", b"junk", packed(b"\xff\xff")])
def test_malformed_bodies_are_answered_with_400(bench: Bench, body: bytes) -> None:
    assert bench.post(body).status_code == 400


def test_a_bomb_is_answered_with_400_and_a_long_body_with_413(bench: Bench) -> None:
    assert bench.post(packed(bytes(MAX_REMOTE_WRITE_BODY_BYTES + 1))).status_code == 400
    assert bench.post(bytes(MAX_REMOTE_WRITE_BODY_BYTES + 1)).status_code == 413
    assert bench.requests("unknown", 413) == 1


def test_a_store_that_cannot_write_makes_the_sender_try_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(bench.store, "append_row", fail)
    answer = bench.post(packed(encode(1, [ONE])))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_other_methods_are_answered_with_405(bench: Bench) -> None:
    assert bench.client.get("/api/v1/write").status_code == 405
