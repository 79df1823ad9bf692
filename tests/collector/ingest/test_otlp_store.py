"""OTLP into a real store: native histograms, exemplars, and delta totals over a restart."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import ExponentialHistogramDataPoint
from prometheus_client import CollectorRegistry

from collector.ingest.formats.otlp_series import Promotion
from collector.ingest.limits import Guards
from collector.ingest.otlp_writer import OtlpWriter
from collector.ingest.series_gate import SeriesGate
from collector.ingest.stored_totals import StoredTotals
from collector.ingest.write import SampleWriter
from collector.model.clock import ManualClock
from collector.model.histogram_columns import COMPONENT, assembled, without_component
from collector.model.histograms import NativeHistogram
from collector.model.labels import METRIC_NAME
from collector.model.matchers import Matcher
from collector.model.samples import is_sample
from collector.self_metrics import IngestMetrics
from collector.store.tsdb import Tsdb
from tests.oracles.otlp_requests import CUMULATIVE, DELTA, RequestBuilder, put

T0 = 1_700_000_000


class Bench:
    def __init__(self, directory: Path, **options: object) -> None:
        self.clock = ManualClock((T0 + 60) * 1000)
        self.store = Tsdb.open(directory, self.clock)
        guards = options.pop("guards", None)
        gate = SeriesGate(self.store, guards, self.clock)  # type: ignore[arg-type]
        metrics = IngestMetrics(CollectorRegistry())
        writer = SampleWriter(self.store, metrics, "otlp", self.clock, gate)
        totals = StoredTotals(self.store, self.clock)
        self.writer = OtlpWriter(writer, Promotion(), totals=totals, **options)  # type: ignore[arg-type]

    def values(self, name: str) -> list[float]:
        found = self.store.select([Matcher("=", METRIC_NAME, name)], 0, 2**62)
        return [float(value) for part in found for row in part.values for value in row]

    def histograms(self, name: str) -> list[NativeHistogram | float | None]:
        cells: dict[int, dict[str, float]] = {}
        for part in self.store.select([Matcher("=", METRIC_NAME, name)], 0, 2**62):
            assert len({without_component(one) for one in part.labels}) == 1
            for at, time_ms in enumerate(part.timestamps_ms.tolist()):
                values = part.values[:, at]
                told = {
                    part.labels[row][COMPONENT]: float(values[row])
                    for row in np.flatnonzero(is_sample(values)).tolist()
                }
                cells.setdefault(time_ms, {}).update(told)
        return [
            assembled(list(row), np.array(list(row.values())).reshape(-1, 1))[0]
            for _, row in sorted(cells.items())
        ]


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Bench]:
    return lambda **options: Bench(tmp_path / "store", **options)


def exponential(
    counts: list[int],
    seconds: float,
    *,
    temporality: int = CUMULATIVE,
    scale: int = 0,
    offset: int = 0,
) -> bytes:
    request = RequestBuilder(service__name="web")
    data = request.metric("latency", "s").exponential_histogram
    data.aggregation_temporality = temporality
    point: ExponentialHistogramDataPoint = data.data_points.add()
    point.scale, point.count, point.sum = scale, sum(counts), float(sum(counts))
    point.positive.offset = offset
    point.positive.bucket_counts.extend(counts)
    point.time_unix_nano = int(seconds * 1e9)
    point.start_time_unix_nano = T0 * 10**9
    return request.bytes()


def counts_of(histogram: NativeHistogram | float | None) -> dict[int, float]:
    assert isinstance(histogram, NativeHistogram)
    return dict(histogram.positive)


def test_exponential_histograms_are_native_ones(opened: Callable[..., Bench]) -> None:
    bench = opened()
    assert not bench.writer.write(exponential([1, 2], T0 + 10)).refused.total()
    bench.writer.write(exponential([1, 3, 5], T0 + 20))
    first, second = bench.histograms("latency_seconds")
    assert counts_of(first) == {1: 1, 2: 2}
    assert counts_of(second) == {1: 1, 2: 3, 3: 5}
    assert bench.store.metadata()["latency_seconds"].type == "histogram"


def test_deltas_of_exponential_histograms_add_up_over_scales_and_a_restart(
    opened: Callable[..., Bench],
) -> None:
    bench = opened()
    bench.writer.write(exponential([1, 2], T0 + 10, temporality=DELTA, scale=1))
    late = bench.writer.write(exponential([1], T0 + 10, temporality=DELTA))
    assert late.refused["delta_not_newer"] == 1
    bench.writer.write(exponential([4], T0 + 20, temporality=DELTA))
    bench.store.close()
    bench = opened()
    bench.writer.write(exponential([8], T0 + 30, temporality=DELTA))
    assert [counts_of(one) for one in bench.histograms("latency_seconds")] == [
        {1: 1, 2: 2},
        {1: 7},
        {1: 15},
    ]


def test_explicit_buckets_are_custom_ones_where_that_is_asked_for(
    opened: Callable[..., Bench],
) -> None:
    bench = opened(custom_buckets=True)
    request = RequestBuilder(service__name="web").histogram("size", [1, 2, 3], [1, 5], 20, T0 + 10)
    bench.writer.write(request.bytes())
    (histogram,) = bench.histograms("size_seconds")
    assert isinstance(histogram, NativeHistogram)
    assert (histogram.custom_values, histogram.count, histogram.sum) == ((1.0, 5.0), 6.0, 20.0)
    assert not bench.values("size_seconds_bucket")


def test_delta_totals_go_on_after_a_restart(opened: Callable[..., Bench]) -> None:
    def request(seconds: float) -> bytes:
        made = RequestBuilder(service__name="web")
        made.sum("hits", 5, T0 + seconds, start=T0, temporality=DELTA)
        made.histogram("size", [1, 2], [1], 3, T0 + seconds, temporality=DELTA, unit="")
        return made.bytes()

    bench = opened()
    bench.writer.write(request(10))
    bench.writer.write(request(20))
    bench.store.close()
    bench = opened()
    bench.writer.write(request(30))
    bench.writer.write(request(40))
    assert bench.values("hits_total") == [5, 10, 15, 20]
    assert bench.values("size_count") == [3, 6, 9, 12]
    assert bench.values("size_sum") == [3, 6, 9, 12]


def test_exemplars_are_kept_beside_their_series(opened: Callable[..., Bench]) -> None:
    bench = opened()
    request = RequestBuilder(service__name="web")
    request.sum("hits", 5, T0 + 10)
    request.histogram("size", [1, 2], [1], 3, T0 + 10, unit="")
    for metric, value in zip(request._scope.metrics, (7.0, 4.0), strict=True):
        data = metric.sum if metric.WhichOneof("data") == "sum" else metric.histogram
        exemplar = data.data_points[0].exemplars.add()
        exemplar.as_double, exemplar.time_unix_nano = value, (T0 + 9) * 10**9
        exemplar.trace_id, exemplar.span_id = bytes(range(16)), bytes(range(8))
        put(exemplar.filtered_attributes, {"user": "u1"})
    bench.writer.write(request.bytes())
    found = bench.store.exemplars([Matcher("=", "job", "web")], 0, 2**62)
    told = {(one.series.metric_name, one.series.get("le", ""), one.value) for one in found}
    assert told == {("hits_total", "", 7.0), ("size_bucket", "+Inf", 4.0)}
    assert dict(found[0].labels.pairs) == {
        "trace_id": bytes(range(16)).hex(),
        "span_id": bytes(range(8)).hex(),
        "user": "u1",
    }


def test_what_a_guard_keeps_out_is_told_by_its_reason(opened: Callable[..., Bench]) -> None:
    bench = opened(guards=Guards(series_per_metric=1))
    request = RequestBuilder(service__name="web")
    request.sum("hits", 5, T0 + 10, path="a").sum("hits", 6, T0 + 10, path="b")
    request.gauge("other", 1, T0 + 10)
    outcome = bench.writer.write(request.bytes())
    assert outcome.refused["metric_series_limit"] == 1
    assert "limits.series_per_metric" in outcome.message()
    assert bench.values("hits_total") == [5]
    assert bench.values("other") == [1]


def test_overflowing_points_of_one_request_are_added_up(opened: Callable[..., Bench]) -> None:
    bench = opened(guards=Guards(values_per_label=1))
    for second in (10, 20):
        request = RequestBuilder(service__name="web")
        for user in range(5):
            request.sum("hits", second + user, T0 + second, user=str(user))
        bench.writer.write(request.bytes())
    assert sorted(bench.values("hits_total")) == [10, 11, 20, 21, 12 + 13 + 14, 22 + 23 + 24]
