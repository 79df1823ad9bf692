"""OTLP logs in both encodings, as the OpenTelemetry SDK sends them, and what is no such thing."""

from __future__ import annotations

import contextlib
import json

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from collector.ingest.formats import otlp_logs
from collector.ingest.formats.otlp_logs import (
    MAX_ATTRIBUTES,
    MAX_RECORD_BYTES,
    from_json,
    from_protobuf,
)
from collector.model.errors import InputError, LimitError
from collector.model.records import LogRecord

NOW_MS = 1_700_000_000_000
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def request() -> ExportLogsServiceRequest:
    whole = ExportLogsServiceRequest()
    resource_logs = whole.resource_logs.add()
    for key, value in (("service.name", "shop"), ("host.name", "a")):
        resource_logs.resource.attributes.add(key=key).value.string_value = value
    scope_logs = resource_logs.scope_logs.add()
    scope_logs.scope.name = "orders"
    record = scope_logs.log_records.add(
        time_unix_nano=1_699_999_999_123_456_789,
        severity_number=17,
        trace_id=bytes.fromhex(TRACE),
        span_id=bytes.fromhex(SPAN),
    )
    record.body.string_value = "no stock"
    record.attributes.add(key="item").value.int_value = 7
    record.attributes.add(key="paid").value.bool_value = True
    nested = record.attributes.add(key="cart").value.kvlist_value.values.add(key="sizes")
    for size in (1.5, 2.0):
        nested.value.array_value.values.add().double_value = size
    record.attributes.add(key="raw").value.bytes_value = b"\x00\x01"
    record.attributes.add(key="none")
    return whole


EXPECTED = LogRecord(
    timestamp_ms=1_699_999_999_123,
    severity=17,
    body="no stock",
    service="shop",
    trace_id=TRACE,
    span_id=SPAN,
    attributes={
        "resource.host.name": "a",
        "scope.name": "orders",
        "item": "7",
        "paid": "true",
        "cart": '{"sizes": [1.5, 2.0]}',
        "raw": "AAE=",
        "none": "",
    },
)


def otlp_json(message: ExportLogsServiceRequest) -> bytes:
    """OTLP's JSON: protobuf's mapping, with ids in hex and enums as numbers."""
    body = MessageToDict(message, use_integers_for_enums=True)
    for resource_logs in body["resourceLogs"]:
        for scope_logs in resource_logs["scopeLogs"]:
            for record in scope_logs["logRecords"]:
                record.update(traceId=TRACE, spanId=SPAN)
    return json.dumps(body).encode()


def test_protobuf_and_json_say_the_same() -> None:
    from_bytes = from_protobuf(request().SerializeToString(), NOW_MS)
    from_text = from_json(otlp_json(request()), NOW_MS)
    assert from_bytes == from_text
    assert from_bytes.batch.records == (EXPECTED,)
    assert from_bytes.refused == {}


def test_the_sdks_own_bytes_are_read() -> None:
    import logging

    from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
    from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
    from opentelemetry.sdk.resources import Resource

    memory = InMemoryLogRecordExporter()
    provider = LoggerProvider(resource=Resource.create({"service.name": "shop"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
    logger = logging.Logger("orders")
    logger.addHandler(LoggingHandler(logger_provider=provider))
    logger.warning("slow %s", "query", extra={"rows": 3})
    body = encode_logs(memory.get_finished_logs()).SerializeToString()
    (record,) = from_protobuf(body, NOW_MS).batch.records
    assert (record.body, record.severity, record.service) == ("slow query", 13, "shop")
    assert record.attributes["rows"] == "3"
    assert record.timestamp_ms > NOW_MS


def test_a_record_without_time_or_severity_number_gets_what_is_known() -> None:
    message = ExportLogsServiceRequest()
    records = message.resource_logs.add().scope_logs.add().log_records
    records.add(severity_text="Error")
    records.add(observed_time_unix_nano=5_000_000, severity_text="whatever")
    first, second = from_protobuf(message.SerializeToString(), NOW_MS).batch.records
    assert (first.timestamp_ms, first.severity, first.level) == (NOW_MS, 17, "error")
    assert (second.timestamp_ms, second.severity, second.level) == (5, 0, "info")


def test_a_record_over_a_limit_is_refused_alone() -> None:
    message = request()
    records = message.resource_logs[0].scope_logs[0].log_records
    records.add().body.string_value = "x" * (MAX_RECORD_BYTES + 1)
    crowded = records.add()
    for number in range(MAX_ATTRIBUTES + 1):
        crowded.attributes.add(key=str(number))
    decoded = from_protobuf(message.SerializeToString(), NOW_MS)
    assert decoded.batch.records == (EXPECTED,)
    assert decoded.refused == {"too_long": 1, "too_many_attributes": 1}


def test_too_many_records_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp_logs, "MAX_RECORDS", 2)
    message = ExportLogsServiceRequest()
    records = message.resource_logs.add().scope_logs.add().log_records
    for _ in range(3):
        records.add()
    with pytest.raises(LimitError, match="over 2 log records"):
        from_protobuf(message.SerializeToString(), NOW_MS)


def test_deep_nesting_is_cut_and_told() -> None:
    message = ExportLogsServiceRequest()
    value = message.resource_logs.add().scope_logs.add().log_records.add().body
    for _ in range(30):
        value = value.array_value.values.add()
    value.string_value = "deep"
    (record,) = from_protobuf(message.SerializeToString(), NOW_MS).batch.records
    assert "<nested too deep>" in record.body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'{"resourceLogs": 5}',
        b'{"resourceLogs": [5]}',
        b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"traceId": "xyz"}]}]}]}',
        b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"traceId": 5}]}]}]}',
        b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "soon"}]}]}]}',
        b'{"a":' * 100_000,
        b"\xff\xfe",
    ],
    ids=lambda body: repr(body[:30]),
)
def test_json_that_is_none_is_an_input_error(body: bytes) -> None:
    with pytest.raises(InputError):
        from_json(body, NOW_MS)


@given(st.binary(max_size=200))
def test_garbage_is_an_input_error_or_nothing(body: bytes) -> None:
    with contextlib.suppress(InputError):
        assert from_protobuf(body, NOW_MS).refused == {}
