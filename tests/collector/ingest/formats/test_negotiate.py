"""What is asked for is what Prometheus 3 asks for; what comes finds its parser."""

import pytest

from collector.ingest.formats.custom_buckets import CustomBucketsParser
from collector.ingest.formats.negotiate import (
    NATIVE_PROTOCOLS,
    Formats,
    accept_header,
    media_type_of,
)
from collector.ingest.formats.openmetrics import OpenMetricsParser
from collector.ingest.formats.protobuf import HistogramChoice, ProtobufParser
from collector.ingest.formats.text import TextParser
from collector.model.errors import InputError

PROTOBUF = "application/vnd.google.protobuf"


def test_the_default_header_is_prometheus_3s() -> None:
    assert Formats().accept() == (
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    )


def test_protobuf_comes_first_where_native_histograms_are_scraped() -> None:
    header = accept_header(NATIVE_PROTOCOLS, "underscores")
    first, second, *_, last = header.split(",")
    assert first == f"{PROTOBUF};proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6"
    assert second == "application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5"
    assert last == "*/*;q=0.1"


@pytest.mark.parametrize(
    ("content_type", "parser"),
    [
        ("text/plain; version=0.0.4; charset=utf-8", TextParser),
        ("application/openmetrics-text; version=1.0.0", OpenMetricsParser),
        (
            f"{PROTOBUF}; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            ProtobufParser,
        ),
    ],
)
def test_a_content_type_has_its_parser(content_type: str, parser: type) -> None:
    assert type(Formats().parser(media_type_of(content_type, None))) is parser


def test_an_unknown_content_type_needs_a_fallback() -> None:
    with pytest.raises(InputError, match="fallback_scrape_protocol"):
        media_type_of("text/html", None)
    assert media_type_of("text/html", "PrometheusProto") == PROTOBUF
    assert media_type_of("", "OpenMetricsText0.0.1") == "application/openmetrics-text"


def test_conversion_wraps_the_parser_of_every_format() -> None:
    formats = Formats(to_custom_buckets=True, histograms=HistogramChoice(native=True))
    for media_type in (PROTOBUF, "text/plain"):
        assert type(formats.parser(media_type)) is CustomBucketsParser
