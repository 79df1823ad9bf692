"""The reference is protobuf's own messages."""

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint

from collector.ingest.formats.otlp_json import read_json
from collector.model.errors import InputError

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "EEE19B7EC3C1B174"


def point_of(body: str) -> NumberDataPoint:
    whole = '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"dataPoints":[%s]}}]}]}]}'
    request = read_json((whole % body).encode(), ExportMetricsServiceRequest())
    return request.resource_metrics[0].scope_metrics[0].metrics[0].sum.data_points[0]


def test_ids_of_exemplars_are_hex() -> None:
    point = point_of(f'{{"exemplars":[{{"traceId":"{TRACE}","spanId":"{SPAN}","asDouble":1}}]}}')
    (exemplar,) = point.exemplars
    assert (exemplar.trace_id.hex(), exemplar.span_id.hex()) == (TRACE, SPAN.lower())


def test_ids_of_spans_links_and_parents_are_hex_and_may_be_empty() -> None:
    body = (
        f'{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{TRACE}","spanId":"{SPAN}",'
        f'"parentSpanId":"","links":[{{"traceId":"{TRACE}"}}]}}]}}]}}]}}'
    )
    request = read_json(body.encode(), ExportTraceServiceRequest())
    span = request.resource_spans[0].scope_spans[0].spans[0]
    assert (span.trace_id.hex(), span.span_id.hex()) == (TRACE, SPAN.lower())
    assert (span.parent_span_id, span.links[0].trace_id.hex()) == (b"", TRACE)


def test_whole_numbers_of_64_bits_are_text_or_numbers_and_unknown_fields_are_passed_over() -> None:
    text = point_of('{"asInt":"-9007199254740993","timeUnixNano":"1795292316000000001","new":{}}')
    assert (text.as_int, text.time_unix_nano) == (-9007199254740993, 1795292316000000001)
    assert point_of('{"asInt":-9007199254740993}').as_int == -9007199254740993


@pytest.mark.parametrize(
    "body",
    [
        "null",
        '{"exemplars":[{"traceId":"no hex"}]}',
        '{"exemplars":[{"traceId":5}]}',
        '{"asInt":"99999999999999999999"}',
        '{"timeUnixNano":"-1"}',
        '{"asDouble":NaN}',
        '{"attributes":' + "[" * 100_000,
    ],
    ids=lambda body: body[:40],
)
def test_what_is_no_otlp_json_is_told(body: str) -> None:
    with pytest.raises(InputError, match="not OTLP/JSON"):
        point_of(body)
