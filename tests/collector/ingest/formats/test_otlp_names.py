"""Cases from the OpenTelemetry specification of Prometheus compatibility and Prometheus's docs."""

import pytest

from collector.ingest.formats.otlp_names import (
    Naming,
    Strategy,
    label_name,
    metric_name,
    unit_word,
)


@pytest.mark.parametrize(
    ("name", "unit", "kind", "expected"),
    [
        ("http.server.request.duration", "s", "histogram", "http_server_request_duration_seconds"),
        ("http.server.duration", "ms", "histogram", "http_server_duration_milliseconds"),
        ("requests", "", "counter", "requests_total"),
        ("requests.total", "1", "counter", "requests_total"),
        ("total.requests", "{request}", "counter", "requests_total"),
        ("memory.usage", "By", "gauge", "memory_usage_bytes"),
        ("memory.usage.bytes", "By", "gauge", "memory_usage_bytes"),
        ("fill", "1", "gauge", "fill_ratio"),
        ("ratio.of.fill", "1", "gauge", "of_fill_ratio"),
        ("io", "By/s", "gauge", "io_bytes_per_second"),
        ("io", "{packet}/s", "gauge", "io_per_second"),
        ("speed", "m/s", "gauge", "speed_meters_per_second"),
        ("a__b--c", "", "gauge", "a_b_c"),
        ("2xx", "", "counter", "_2xx_total"),
        ("cpu", "%", "gauge", "cpu_percent"),
        ("cpu", "furlongs", "gauge", "cpu_furlongs"),
        ("job:rate", "", "gauge", "job:rate"),
        ("ünicode", "", "gauge", "nicode"),
        ("!!", "", "gauge", ""),
    ],
)
def test_metric_names(name: str, unit: str, kind: str, expected: str) -> None:
    counter, gauge = kind == "counter", kind == "gauge"
    assert metric_name(name, unit, counter=counter, gauge=gauge) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("http.method", "http_method"),
        ("9lives", "key_9lives"),
        ("_private", "key_private"),
        ("__reserved", "__reserved"),
        ("a.b-c", "a_b_c"),
        ("", ""),
    ],
)
def test_label_names(name: str, expected: str) -> None:
    assert label_name(name) == expected


@pytest.mark.parametrize(
    ("unit", "expected"), [("s", "seconds"), ("By/s", "bytes_per_second"), ("1", ""), ("{x}", "")]
)
def test_units(unit: str, expected: str) -> None:
    assert unit_word(unit) == expected


@pytest.mark.parametrize(
    ("strategy", "name", "unit", "kind", "expected"),
    [
        ("UnderscoreEscapingWithSuffixes", "a.b", "s", "counter", "a_b_seconds_total"),
        ("UnderscoreEscapingWithoutSuffixes", "a.b", "s", "counter", "a_b"),
        ("UnderscoreEscapingWithoutSuffixes", "a__b..c", "", "gauge", "a__b_c"),
        ("UnderscoreEscapingWithoutSuffixes", "2xx", "1", "gauge", "_2xx"),
        ("UnderscoreEscapingWithoutSuffixes", "..", "1", "gauge", ""),
        ("NoUTF8EscapingWithSuffixes", "a.b", "s", "counter", "a.b_seconds_total"),
        ("NoUTF8EscapingWithSuffixes", "a.b.total", "s", "counter", "a.b_seconds_total"),
        ("NoUTF8EscapingWithSuffixes", "fill.ratio", "1", "gauge", "fill_ratio"),
        ("NoUTF8EscapingWithSuffixes", "io.bytes", "By/s", "gauge", "io.bytes_per_second"),
        ("NoUTF8EscapingWithSuffixes", "größe", "By", "gauge", "größe_bytes"),
        ("NoTranslation", "a.b", "s", "counter", "a.b"),
    ],
)
def test_strategies(strategy: Strategy, name: str, unit: str, kind: str, expected: str) -> None:
    counter, gauge = kind == "counter", kind == "gauge"
    assert Naming(strategy).metric(name, unit, counter=counter, gauge=gauge) == expected


@pytest.mark.parametrize(
    ("naming", "name", "expected"),
    [
        (Naming("NoTranslation"), "http.route", "http.route"),
        (Naming("NoUTF8EscapingWithSuffixes"), "9.a", "9.a"),
        (Naming("UnderscoreEscapingWithoutSuffixes"), "http.route", "http_route"),
        (Naming(underscore_sanitization=False), "_private", "_private"),
        (Naming(preserve_multiple_underscores=False), "a..b", "a_b"),
        (Naming(preserve_multiple_underscores=False), "__reserved__", "__reserved__"),
    ],
)
def test_labels_by_strategy(naming: Naming, name: str, expected: str) -> None:
    assert naming.label(name) == expected
