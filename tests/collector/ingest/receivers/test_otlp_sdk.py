"""The OpenTelemetry SDK's own exporters, over HTTP and gRPC, against the receivers."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import uvicorn
from fastapi import FastAPI
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (
    OTLPMetricExporter as GrpcExporter,
)
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
    OTLPMetricExporter as HttpExporter,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry

from collector.api.ingest import metrics_receiver, router
from collector.config import OtlpConfig
from collector.ingest.receivers.otlp_grpc import METRICS_METHOD, OtlpGrpc
from collector.ingest.write import SampleWriter
from collector.model.histogram_columns import COMPONENT
from collector.self_metrics import IngestMetrics
from tests.oracles.recording_appender import RecordingAppender

DELTAS = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}


class Bench:
    def __init__(self) -> None:
        self.store = RecordingAppender()
        self.metrics = IngestMetrics(CollectorRegistry())
        writer = SampleWriter(self.store, self.metrics, "otlp")
        self.receiver = metrics_receiver(writer, self.metrics, OtlpConfig())


@pytest.fixture
def bench() -> Bench:
    return Bench()


@contextmanager
def over_http(bench: Bench) -> Iterator[str]:
    app = FastAPI()
    app.include_router(router(bench.receiver))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        threading.Event().wait(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@contextmanager
def over_grpc(bench: Bench) -> Iterator[str]:
    server = OtlpGrpc({METRICS_METHOD: bench.receiver.receive}, 1024 * 1024)
    held = socket.create_server(("127.0.0.1", 0))
    server.start(held)
    yield f"http://127.0.0.1:{held.getsockname()[1]}"
    server.stop()


def http_exporter(url: str, **options: object) -> MetricExporter:
    return HttpExporter(f"{url}/v1/metrics", compression=Compression.Gzip, **options)  # type: ignore[arg-type]


def grpc_exporter(url: str, **options: object) -> MetricExporter:
    return GrpcExporter(url, insecure=True, **options)  # type: ignore[arg-type]


WAYS = [(over_http, http_exporter), (over_grpc, grpc_exporter)]


@pytest.mark.parametrize(("serve", "exporter"), WAYS, ids=["http", "grpc"])
@pytest.mark.parametrize("temporality", [{}, DELTAS], ids=["cumulative", "delta"])
def test_the_sdk_s_instruments_arrive(
    bench: Bench,
    serve: Callable[[Bench], ExitStack],
    exporter: Callable[..., MetricExporter],
    temporality: dict[type, AggregationTemporality],
) -> None:
    with serve(bench) as url:
        reader = PeriodicExportingMetricReader(
            exporter(url, preferred_temporality=temporality), export_interval_millis=3_600_000
        )
        view = View(instrument_name="native", aggregation=ExponentialBucketHistogramAggregation())
        resource = Resource.create({"service.name": "shop", "service.instance.id": "i-1"})
        provider = MeterProvider([reader], resource=resource, views=[view])
        meter = provider.get_meter("test")
        counter = meter.create_counter("requests", "{request}", "Requests.")
        latency = meter.create_histogram("latency", "s")
        native = meter.create_histogram("native", "s")
        meter.create_up_down_counter("in.flight").add(3)
        for _ in range(2):
            counter.add(2, {"http.route": "/"})
            latency.record(0.3)
            native.record(0.3)
            provider.force_flush()
        provider.shutdown()
    store = bench.store
    assert store.values("requests_total", http_route="/", job="shop", instance="i-1")[:2] == [2, 4]
    assert store.values("latency_seconds_bucket", le="5")[:2] == [1, 2]
    assert store.values("latency_seconds_count")[:2] == [1, 2]
    assert store.values("in_flight")[:2] == [3, 3]
    assert store.values("native_seconds", **{COMPONENT: "count"})[:2] == [1, 2]
    assert store.values("target_info", job="shop")
    assert store.families["requests_total"].help == "Requests."


def test_a_request_that_is_none_is_refused_over_grpc_with_words(bench: Bench) -> None:
    import grpc

    with over_grpc(bench) as url, grpc.insecure_channel(url.removeprefix("http://")) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(METRICS_METHOD)(b"\xff\xff", timeout=5)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "ExportMetricsServiceRequest" in caught.value.details()
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary("/other/Method")(b"", timeout=5)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(METRICS_METHOD)(bytes(2 * 1024 * 1024), timeout=5)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_server_that_nobody_calls_is_never_begun_and_stops(bench: Bench) -> None:
    server = OtlpGrpc({METRICS_METHOD: bench.receiver.receive}, 1024)
    held = socket.create_server(("127.0.0.1", 0))
    server.start(held)
    server.stop()
    assert held.fileno() == -1
    assert "tocsin-grpc-door" not in {thread.name for thread in threading.enumerate()}


def test_the_first_and_the_following_connections_are_served_alike(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    import grpc

    request = ExportMetricsServiceRequest().SerializeToString()
    with over_grpc(bench) as url:
        for _ in range(3):
            options = (("grpc.use_local_subchannel_pool", 1),)
            with grpc.insecure_channel(url.removeprefix("http://"), options) as channel:
                answer = channel.unary_unary(METRICS_METHOD)(request, timeout=20)
                assert ExportMetricsServiceResponse.FromString(answer).IsInitialized()
            with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))):
                pass  # one that leaves at once disturbs nobody
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_the_sdk_takes_a_refusal_for_what_it_is(bench: Bench) -> None:
    """Nothing is stored: the exporter must be told so, not retry for ever."""
    bench.store.max_series = 0
    with over_http(bench) as url:
        reader = PeriodicExportingMetricReader(http_exporter(url), export_interval_millis=3_600_000)
        provider = MeterProvider([reader], resource=Resource({"service.name": "shop"}))
        provider.get_meter("test").create_counter("requests").add(1)
        assert provider.force_flush()
        provider.shutdown()
    assert MetricExportResult.SUCCESS.value == 0
    assert not bench.store.rows
