import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from prometheus_client import CollectorRegistry

from collector.ingest.formats.otlp_series import Promotion
from collector.ingest.limits import MAX_ATTRIBUTE_DEPTH, MAX_BUCKETS
from collector.ingest.otlp_writer import OtlpWriter
from collector.ingest.write import SampleWriter
from collector.model.clock import ManualClock
from collector.model.errors import InputError
from collector.model.histogram_columns import COMPONENT
from collector.model.labels import Labels
from collector.self_metrics import IngestMetrics
from tests.oracles.otlp_requests import CUMULATIVE, DELTA, RequestBuilder, put, samples_of
from tests.oracles.recording_appender import RecordingAppender

LATEST_MS = 2_000_000_000_000
"""No generated point is later."""


def make(appender: RecordingAppender, promotion: Promotion | None = None) -> OtlpWriter:
    metrics = IngestMetrics(CollectorRegistry())
    writer = SampleWriter(appender, metrics, "otlp", ManualClock(LATEST_MS))
    return OtlpWriter(writer, promotion or Promotion())


@pytest.fixture
def appender() -> RecordingAppender:
    return RecordingAppender()


@pytest.fixture
def writer(appender: RecordingAppender) -> OtlpWriter:
    return make(appender)


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.sampled_from(["a", "b.c", "http.server.duration", "x_total"])
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["k", "http.route", "9lives", "_x"]), st.text(max_size=9), max_size=3
)
COUNTS = st.lists(st.integers(0, 2**40), min_size=1, max_size=6)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    request = ExportMetricsServiceRequest()
    for number in range(draw(st.integers(0, 3))):
        resource = request.resource_metrics.add()
        put(resource.resource.attributes, {"service.name": draw(NAMES), "n": str(number)})
        for _ in range(draw(st.integers(0, 2))):
            scope = resource.scope_metrics.add()
            for _ in range(draw(st.integers(0, 4))):
                metric = scope.metrics.add()
                metric.name, metric.unit = draw(NAMES), draw(st.sampled_from(["", "s", "By/s"]))
                fill(draw, metric)
    return request.SerializeToString()


def fill(draw: st.DrawFn, metric: object) -> None:
    kind = draw(st.sampled_from(["sum", "gauge", "histogram", "summary"]))
    data = getattr(metric, kind)
    if kind in ("sum", "histogram"):
        data.aggregation_temporality = 2
    if kind == "sum":
        data.is_monotonic = draw(st.booleans())
    for _ in range(draw(st.integers(1, 4))):
        point = data.data_points.add()
        put(point.attributes, draw(ATTRIBUTES))
        point.time_unix_nano = draw(st.sampled_from([1, 2])) * 10**18
        if kind in ("sum", "gauge"):
            if draw(st.booleans()):
                point.as_int = draw(st.integers(-(2**63), 2**63 - 1))
            else:
                point.as_double = draw(FLOATS)
        elif kind == "histogram":
            counts = draw(COUNTS)
            point.bucket_counts.extend(counts)
            point.explicit_bounds.extend(range(len(counts) - 1))
            point.count = sum(counts)
            if draw(st.booleans()):
                point.sum = draw(FLOATS)
        else:
            point.count, point.sum = draw(st.integers(0, 2**50)), draw(FLOATS)
            for quantile in range(draw(st.integers(0, 3))):
                one = point.quantile_values.add()
                one.quantile, one.value = quantile / 4, draw(FLOATS)


def expected(bodies: list[bytes]) -> dict[tuple[Labels, int], float]:
    """The first sample of each series and time wins."""
    found: dict[tuple[Labels, int], float] = {}
    for body in bodies:
        for labels, time, value in samples_of(body):
            found.setdefault((labels, time), value)
    return found


@settings(deadline=None)
@given(st.lists(requests(), max_size=3))
def test_scanned_points_are_what_protobuf_objects_say(bodies: list[bytes]) -> None:
    appender = RecordingAppender()
    writer = make(appender)
    for body in bodies:
        writer.write(body)
    stored = {
        (labels, time): value
        for labels in appender.labels
        if labels.metric_name != "target_info"
        for time, value in appender.of(labels)
    }
    assert stored == expected(bodies)


@settings(deadline=None)
@given(requests(), st.integers(0, 200), st.integers(0, 255))
def test_a_damaged_body_is_refused_or_read_and_nothing_worse(
    body: bytes, place: int, byte: int
) -> None:
    damaged = bytearray(body)
    if damaged:
        damaged[place % len(damaged)] = byte
    try:
        make(RecordingAppender()).write(bytes(damaged))
    except InputError as error:
        assert error.advice  # noqa: PT017


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_what_protobuf_refuses_is_not_stored(body: bytes) -> None:
    appender = RecordingAppender()
    try:
        make(appender).write(body)
    except InputError:
        assert not appender.rows


def test_names_job_instance_and_target_info_are_prometheus_s(
    appender: RecordingAppender, writer: OtlpWriter
) -> None:
    request = RequestBuilder(
        service__namespace="shop", service__name="web", service__instance__id="w-1", host__name="h"
    )
    request.sum("http.requests", 5, 10, unit="{request}", code="200")
    request.gauge("queue.fill", 0.5, 10, unit="1")
    writer.write(request.bytes())
    identity = {"job": "shop/web", "instance": "w-1"}
    assert appender.samples("http_requests_total", code="200", **identity) == [(10_000, 5.0)]
    assert appender.samples("queue_fill_ratio", **identity) == [(10_000, 0.5)]
    assert appender.samples("target_info", host_name="h", **identity) == [(10_000, 1.0)]
    assert appender.families["http_requests_total"].type == "counter"


def test_a_histogram_becomes_classic_buckets(
    appender: RecordingAppender, writer: OtlpWriter
) -> None:
    request = RequestBuilder(service__name="web")
    request.histogram("latency", [1, 2, 3], [0.5, 1], 4.5, 10, start=5)
    writer.write(request.bytes())
    for bound, count in (("0.5", 1), ("1", 3), ("+Inf", 6)):
        assert appender.values("latency_seconds_bucket", le=bound) == [count]
    assert appender.values("latency_seconds_count") == [6]
    assert appender.values("latency_seconds_sum") == [4.5]
    labels = Labels.of("latency_seconds_count", job="web")
    assert appender.start_ms[labels, 10_000] == 5_000


def test_delta_becomes_cumulative_across_requests(
    appender: RecordingAppender, writer: OtlpWriter
) -> None:
    for second, value in ((10, 3), (20, 4), (30, 0)):
        request = RequestBuilder(service__name="web")
        request.sum("hits", value, second, start=second - 10, temporality=DELTA)
        request.histogram("took", [value, 1], [1], 2, second, temporality=DELTA)
        writer.write(request.bytes())
    assert appender.samples("hits_total") == [(10_000, 3.0), (20_000, 7.0), (30_000, 7.0)]
    assert appender.values("took_seconds_bucket", le="1") == [3, 7, 7]
    assert appender.values("took_seconds_bucket", le="+Inf") == [4, 9, 10]
    assert appender.values("took_seconds_sum") == [2, 4, 6]


def test_a_delta_that_is_sent_again_is_not_counted_again(
    appender: RecordingAppender, writer: OtlpWriter
) -> None:
    request = RequestBuilder(service__name="web")
    request.sum("hits", 3, 10, temporality=DELTA)
    writer.write(request.bytes())
    outcome = writer.write(request.bytes())
    assert outcome.refused["delta_not_newer"] == 1
    following = RequestBuilder(service__name="web").sum("hits", 1, 20, temporality=DELTA)
    writer.write(following.bytes())
    assert appender.values("hits_total") == [3, 4]


def test_start_times_are_of_counters_only(appender: RecordingAppender, writer: OtlpWriter) -> None:
    request = RequestBuilder(service__name="web")
    request.sum("up", 1, 10, start=3)
    request.sum("down", 1, 10, start=3, monotonic=False)
    writer.write(request.bytes())
    assert appender.start_ms == {(Labels.of("up_total", job="web"), 10_000): 3_000}


def test_no_recorded_value_ends_the_series(appender: RecordingAppender, writer: OtlpWriter) -> None:
    for second, flags in ((10, 0), (20, 1)):
        request = RequestBuilder(service__name="web").gauge("g", 2, second)
        metric = request.request.resource_metrics[0].scope_metrics[0].metrics[0]
        metric.gauge.data_points[0].flags = flags
        writer.write(request.bytes())
    assert appender.values("g") == [2, "stale"]


def test_a_nan_is_never_taken_for_a_marker(appender: RecordingAppender, writer: OtlpWriter) -> None:
    writer.write(RequestBuilder(service__name="web").gauge("g", math.nan, 10).bytes())
    (value,) = appender.values("g")
    assert math.isnan(float(value))


def test_what_can_t_be_stored_is_counted_and_the_rest_is_stored(
    appender: RecordingAppender, writer: OtlpWriter
) -> None:
    request = RequestBuilder(service__name="web").gauge("good", 1, 10).gauge("!!", 1, 10)
    request.gauge("undated", 1, 0)
    exponential = request.metric("exp").exponential_histogram
    exponential.aggregation_temporality = CUMULATIVE
    coarse = exponential.data_points.add()
    coarse.time_unix_nano, coarse.scale = 10**18, -9
    request.metric("empty").gauge.data_points.add().time_unix_nano = 10**18
    explicit = request.metric("misfit").histogram
    explicit.aggregation_temporality = CUMULATIVE
    explicit.data_points.add().bucket_counts.extend([1, 2, 3])
    outcome = writer.write(request.bytes())
    assert {key: count for key, count in outcome.refused.items() if count} == {
        "bad_name": 1,
        "no_timestamp": 1,
        "bad_histogram": 1,
        "no_value": 2,
    }
    assert appender.names() == {"good"}
    assert "a scale below -4" in outcome.message()


@pytest.mark.parametrize("temporality", [0, 3])
def test_what_says_neither_delta_nor_cumulative_is_refused(
    appender: RecordingAppender, writer: OtlpWriter, temporality: int
) -> None:
    request = RequestBuilder(service__name="web").gauge("good", 1, 10)
    request.sum("counter", 1, 10, temporality=temporality)
    request.sum("up_down", 1, 10, temporality=temporality, monotonic=False)
    request.histogram("seconds", [1, 2], [0.5], 3.0, 10, temporality=temporality)
    native = request.metric("native").exponential_histogram
    native.aggregation_temporality = temporality
    native.data_points.add(time_unix_nano=10**10, count=1).positive.bucket_counts.append(1)
    native.data_points[0].exemplars.add(time_unix_nano=10**10, as_double=1)
    summary = request.metric("summary").summary.data_points.add()
    summary.time_unix_nano, summary.count = 10**10, 4
    outcome = writer.write(request.bytes())
    assert {key: count for key, count in outcome.refused.items() if count} == {"no_temporality": 4}
    assert "neither cumulative nor delta" in outcome.message()
    assert appender.names() == {"good", "summary_count", "summary_sum"}
    assert not appender.exemplars


def test_too_many_buckets_cost_their_point_and_no_other(
    appender: RecordingAppender, writer: OtlpWriter
) -> None:
    request = RequestBuilder(service__name="web").gauge("good", 1, 10)
    for name, buckets in (("wide", MAX_BUCKETS + 1), ("narrow", 3)):
        data = request.metric(name).exponential_histogram
        data.aggregation_temporality = CUMULATIVE
        point = data.data_points.add(time_unix_nano=10**10, count=buckets)
        point.positive.bucket_counts.extend([1] * buckets)
    outcome = writer.write(request.bytes())
    assert outcome.refused["bad_histogram"] == 1
    assert "more than 10,000 buckets" in outcome.message()
    assert appender.names() == {"good", "narrow"}


def test_a_total_of_deltas_becomes_coarser_rather_than_too_wide(
    appender: RecordingAppender, writer: OtlpWriter
) -> None:
    columns = []
    for push in range(3):
        request = RequestBuilder(service__name="web")
        data = request.metric("spread").exponential_histogram
        data.aggregation_temporality = DELTA
        point = data.data_points.add(count=MAX_BUCKETS, scale=8)
        point.time_unix_nano = (push + 1) * 10**10
        point.positive.offset = push * MAX_BUCKETS
        point.positive.bucket_counts.extend([1] * MAX_BUCKETS)
        assert not sum(writer.write(request.bytes()).refused.values())
        columns.append(len(appender.rows[-1].refs))
    assert columns[1] <= MAX_BUCKETS + 10
    assert columns[2] <= MAX_BUCKETS + 10
    assert appender.values("spread", **{COMPONENT: "count"}) == [
        MAX_BUCKETS,
        2 * MAX_BUCKETS,
        3 * MAX_BUCKETS,
    ]


def test_a_resource_that_makes_no_labels_costs_no_other_its_points(
    appender: RecordingAppender, writer: OtlpWriter
) -> None:
    request = RequestBuilder(service__name="web", deep="x").gauge("info_less", 1, 10)
    nested = request.request.resource_metrics[0].resource.attributes[1].value
    for _ in range(MAX_ATTRIBUTE_DEPTH + 1):
        nested = nested.array_value.values.add()
    nested.string_value = "x"
    request.resource(service__name="ABCDEF").gauge("garbled", 1, 10)
    request.resource(service__name="shop").gauge("good", 1, 10)
    outcome = writer.write(request.bytes().replace(b"ABCDEF", b"\xff\xfe\xff\xfe\xff\xfe"))
    assert appender.names() == {"info_less", "good"}
    assert outcome.refused["bad_name"] == 3, "two infos, one point"
    assert "nested over 16 levels" in outcome.message()
    assert "must be UTF-8" in outcome.message()


def test_an_attribute_can_t_pass_for_a_part_of_a_histogram(
    appender: RecordingAppender, writer: OtlpWriter
) -> None:
    request = RequestBuilder(service__name="web").sum("fake", 1, 10, **{COMPONENT: "count"})
    outcome = writer.write(request.gauge("good", 1, 10).bytes())
    assert appender.names() == {"good"}
    assert outcome.refused["bad_name"] == 1
    assert "reserved" in outcome.message()


def test_two_points_of_one_series_at_one_time_are_one_sample(
    appender: RecordingAppender, writer: OtlpWriter
) -> None:
    request = RequestBuilder(service__name="web").gauge("g", 1, 10).gauge("g", 2, 10)
    for _ in range(2):
        outcome = writer.write(request.bytes())
        assert outcome.refused["duplicate_in_request"] == 1
    assert appender.values("g") == [1]


def test_a_full_store_keeps_taking_the_series_that_it_has() -> None:
    appender = RecordingAppender(max_series=1)
    writer = make(appender)
    writer.write(RequestBuilder(service__name="web").gauge("a", 1, 10).bytes())
    both = RequestBuilder(service__name="web").gauge("a", 2, 20).gauge("b", 2, 20)
    assert writer.write(both.bytes()).refused["series_limit"] == 1
    appender.max_series = 2
    later = RequestBuilder(service__name="web").gauge("a", 3, 30).gauge("b", 3, 30)
    assert not sum(writer.write(later.bytes()).refused.values())
    assert appender.values("a") == [1, 2, 3]
    assert appender.values("b") == [3]


def test_rows_of_known_series_have_the_same_refs_object(
    appender: RecordingAppender, writer: OtlpWriter
) -> None:
    for second in (10, 20):
        request = RequestBuilder(service__name="web", host__name="h")
        request.gauge("a", 1, second).gauge("b", 1, second)
        writer.write(request.bytes())
    first, second_row = appender.rows
    assert first.refs is second_row.refs


def test_promoted_resource_attributes_become_labels(appender: RecordingAppender) -> None:
    writer = make(appender, Promotion(attributes=frozenset({"deployment.environment"})))
    request = RequestBuilder(service__name="web", deployment__environment="test", other="x")
    writer.write(request.gauge("g", 1, 10).bytes())
    assert appender.samples("g", deployment_environment="test")
    assert not appender.samples("g", other="x")
