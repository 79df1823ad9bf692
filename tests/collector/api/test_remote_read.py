import importlib
import struct
from typing import Any

import cramjam
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.api.remote_read import router
from collector.api.remote_read_messages import MESSAGES
from collector.ingest.formats.protobuf_schema import message_classes
from collector.ingest.formats.remote_write_messages import V1
from collector.model.histogram_columns import columns
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.model.samples import STALE

frames = importlib.import_module("tests.oracles.xor_chunk_reader").frames
MemoryStore = importlib.import_module("tests.oracles.memory_store").MemoryStore

T0 = 1_700_000_000_000
HISTOGRAM = NativeHistogram(2, 7.0, 12.5, 0.001, 1.0, ((0, 2.0), (1, 3.0), (5, 1.0)))
CHUNKED = message_classes(
    "test.chunked",
    """
    ChunkedReadResponse: ChunkedSeries* chunked_series=1, int64 query_index=2
    ChunkedSeries: Label* labels=1, Chunk* chunks=2
    Label: string name=1, string value=2
    Chunk: int64 min_time_ms=1, int64 max_time_ms=2, int32 type=3
    """,
)


@pytest.fixture
def store() -> Any:
    made = MemoryStore()
    made.add(Labels.of("up", job="b"), [T0, T0 + 1000], [1.0, STALE])
    made.add(Labels.of("up", job="a"), [-5, 0, 130, T0, T0 + 300_000], [0.5, 1.0, 2.0, 3.0, 4.0])
    return made


def client(store: Any, **external: str) -> TestClient:
    app = FastAPI()
    app.include_router(router(store, lambda: external))
    return TestClient(app)


def request(*matchers: tuple[int, str, str], start: int, end: int, accepted: Any = ()) -> bytes:
    query = {
        "start_timestamp_ms": start,
        "end_timestamp_ms": end,
        "matchers": [{"type": t, "name": n, "value": v} for t, n, v in matchers],
    }
    message = MESSAGES["ReadRequest"](queries=[query], accepted_response_types=accepted)
    return bytes(cramjam.snappy.compress_raw(message.SerializeToString()))


UP = (0, "__name__", "up")
RESULTS = message_classes(
    "test.sampled",
    """
    Response: Result* results=1
    Result: Raw* timeseries=1
    Raw:
    """,
)


def series_of(answer: Any) -> list[tuple[dict[str, str], list[tuple[int, float]]]]:
    """The one result's series; a WriteRequest has its series in the same field as a result."""
    assert answer.headers["content-type"] == "application/x-protobuf"
    body = bytes(cramjam.snappy.decompress_raw(answer.content))
    response = RESULTS["Response"].FromString(body)
    [result] = response.results
    written = V1["WriteRequest"].FromString(result.SerializeToString())
    return [
        (
            {label.name: label.value for label in one.labels},
            [(sample.timestamp, sample.value) for sample in one.samples],
        )
        for one in written.timeseries
    ]


def test_samples_come_as_they_are_sorted_by_labels(store: Any) -> None:
    found = series_of(client(store).post("/api/v1/read", content=request(UP, start=-5, end=T0)))
    assert found == [
        ({"__name__": "up", "job": "a"}, [(-5, 0.5), (0, 1.0), (130, 2.0), (T0, 3.0)]),
        ({"__name__": "up", "job": "b"}, [(T0, 1.0)]),
    ]


def test_the_stale_marker_keeps_its_bits(store: Any) -> None:
    body = request(UP, (0, "job", "b"), start=T0 + 1, end=T0 + 1000)
    [(_, [(_, value)])] = series_of(client(store).post("/api/v1/read", content=body))
    assert struct.pack("<d", value) == struct.pack("<d", STALE)


def test_external_labels_are_added_and_satisfy_their_matchers(store: Any) -> None:
    body = request(UP, (0, "site", "x"), (2, "job", "a|c"), start=0, end=T0)
    found = series_of(client(store, site="x", job="z").post("/api/v1/read", content=body))
    assert [labels for labels, _ in found] == [{"__name__": "up", "job": "a", "site": "x"}]
    other = request(UP, (0, "site", "y"), start=0, end=T0)
    assert series_of(client(store, site="x").post("/api/v1/read", content=other)) == []


def frames_of(answer: Any) -> list[Any]:
    kind = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
    assert answer.headers["content-type"] == kind
    assert "content-encoding" not in answer.headers
    return [CHUNKED["ChunkedReadResponse"].FromString(one) for one in frames(answer.content)]


def test_chunks_are_streamed_to_those_who_prefer_them(store: Any) -> None:
    many = np.arange(300, dtype=np.int64) * 1000 + T0
    store.add(Labels.of("long"), many.tolist(), many.astype(float).tolist())
    body = request((0, "__name__", "long"), start=0, end=2 * T0, accepted=[1, 0])
    [frame] = frames_of(client(store).post("/api/v1/read", content=body))
    [series] = frame.chunked_series
    assert [(one.name, one.value) for one in series.labels] == [("__name__", "long")]
    spans = [(chunk.min_time_ms, chunk.max_time_ms, chunk.type) for chunk in series.chunks]
    assert spans == [
        (T0, T0 + 119_000, 1),
        (T0 + 120_000, T0 + 239_000, 1),
        (T0 + 240_000, T0 + 299_000, 1),
    ]


def test_native_histograms_go_as_samples(store: Any) -> None:
    for labels, value in columns(Labels.of("latency"), HISTOGRAM):
        store.add(labels, [T0], [value])
    body = request((0, "__name__", "latency"), start=0, end=T0, accepted=[1, 0])
    answer = client(store).post("/api/v1/read", content=body)
    data = bytes(cramjam.snappy.decompress_raw(answer.content))
    [result] = RESULTS["Response"].FromString(data).results
    [series] = V1["WriteRequest"].FromString(result.SerializeToString()).timeseries
    [sample] = series.histograms
    assert (sample.count_float, sample.sum, sample.schema) == (7.0, 12.5, 2)
    assert [(one.offset, one.length) for one in sample.positive_spans] == [(0, 2), (3, 1)]
    assert list(sample.positive_counts) == [2.0, 3.0, 1.0]
    refused = request((0, "__name__", "latency"), start=0, end=T0, accepted=[1])
    assert client(store).post("/api/v1/read", content=refused).status_code == 422


@pytest.mark.parametrize(
    "body", [b"", b"no snappy", bytes(cramjam.snappy.compress_raw(b"\xff" * 9))]
)
def test_what_is_no_request_is_bad_data(store: Any, body: bytes) -> None:
    answer = client(store).post("/api/v1/read", content=body)
    assert (answer.status_code, answer.json()["errorType"]) == (400, "bad_data")


def test_a_matcher_that_is_no_regular_expression_is_bad_data(store: Any) -> None:
    answer = client(store).post("/api/v1/read", content=request((2, "a", "("), start=0, end=1))
    assert answer.status_code == 400
