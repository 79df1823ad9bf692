import importlib
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.api.federation import PROTOBUF_TYPE, router
from collector.ingest.formats.protobuf_messages import CLIENT, GAUGE_HISTOGRAM, UNTYPED
from collector.model.clock import ManualClock
from collector.model.histogram_columns import columns
from collector.model.histograms import NativeHistogram, ResetHint
from collector.model.labels import Labels
from collector.model.samples import STALE

MemoryStore = importlib.import_module("tests.oracles.memory_store").MemoryStore

NOW_MS = 1_700_000_000_000
ALL = {"match[]": '{__name__=~".+"}'}
GAUGE = NativeHistogram(0, 3.0, 4.5, 0.0, 0.0, ((1, 3.0),), reset_hint=ResetHint.GAUGE)


@pytest.fixture
def store() -> Any:
    made = MemoryStore()
    made.add(Labels.of("up", job="a", instance="x:1"), [NOW_MS - 9, NOW_MS - 1], [0.0, 1234567.0])
    made.add(Labels.of("up", job="b"), [NOW_MS - 60_000], [0.25])
    made.add(Labels.of("up", job="old"), [NOW_MS - 300_001], [1.0])
    made.add(Labels.of("up", job="gone"), [NOW_MS - 2, NOW_MS - 1], [1.0, STALE])
    made.add(Labels.of("up", job="later"), [NOW_MS + 1], [1.0])
    made.add(Labels({"__name__": "http.status", "a b": 'x"y'}), [NOW_MS], [float("inf")])
    return made


def client(store: Any, **external: str) -> TestClient:
    app = FastAPI()
    app.include_router(router(store, lambda: external, ManualClock(NOW_MS)))
    return TestClient(app)


def test_the_newest_samples_come_with_their_times_and_external_labels(store: Any) -> None:
    answer = client(store, site="x", job="z").get("/federate", params={"match[]": ["up", "up"]})
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4; charset=utf-8")
    assert answer.text == (
        "# TYPE up untyped\n"
        f'up{{instance="x:1",job="a",site="x"}} 1.234567e+06 {NOW_MS - 1}\n'
        f'up{{job="b",instance="",site="x"}} 0.25 {NOW_MS - 60_000}\n'
    )


def test_names_beyond_the_classic_form_are_quoted_for_who_can_read_them(store: Any) -> None:
    given = {"match[]": '{"http.status"}'}
    accept = {"accept": "text/plain;version=0.0.4;escaping=allow-utf-8"}
    quoted = client(store).get("/federate", params=given, headers=accept)
    assert quoted.text == (
        f'# TYPE "http.status" untyped\n{{"http.status","a b"="x\\"y",instance=""}} +Inf {NOW_MS}\n'
    )
    plain = client(store).get("/federate", params=given)
    assert plain.text.endswith(f'http_status{{a_b="x\\"y",instance=""}} +Inf {NOW_MS}\n')


def test_native_histograms_come_as_protobuf(store: Any) -> None:
    for labels, value in columns(Labels.of("latency", job="a"), GAUGE):
        store.add(labels, [NOW_MS], [value])
    assert "latency" not in client(store).get("/federate", params=ALL).text
    answer = client(store).get("/federate", params=ALL, headers={"accept": PROTOBUF_TYPE})
    assert answer.headers["content-type"] == PROTOBUF_TYPE
    found, data = {}, answer.content
    while data:
        size = data[0]
        assert size < 0x80 or data[1] < 0x80
        start = 1 if size < 0x80 else 2
        length = size if size < 0x80 else (size & 0x7F) | data[1] << 7
        family = CLIENT["MetricFamily"].FromString(data[start : start + length])
        found[family.name] = family
        data = data[start + length :]
    assert {name: family.type for name, family in found.items()} == {
        "http.status": UNTYPED,
        "latency": GAUGE_HISTOGRAM,
        "up": UNTYPED,
    }
    [metric] = found["latency"].metric
    assert (metric.histogram.sample_count_float, metric.histogram.sample_sum) == (3.0, 4.5)
    assert metric.timestamp_ms == NOW_MS


def test_nothing_asked_for_is_nothing_told(store: Any) -> None:
    assert client(store).get("/federate").text == ""
    wrong = client(store).get("/federate", params={"match[]": "sum(up)"})
    assert wrong.status_code == 400
