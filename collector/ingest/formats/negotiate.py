"""Which exposition format: what a scrape asks for, and which parser reads what it got."""

from __future__ import annotations

from collector.ingest.formats import PARSERS
from collector.ingest.formats.page import Parser
from collector.model.errors import InputError

ACCEPT = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
"""Prometheus 3's own header: exporters were tried with it."""

FALLBACKS = {
    "PrometheusText0.0.4": "text/plain",
    "PrometheusText1.0.0": "text/plain",
    "OpenMetricsText1.0.0": "application/openmetrics-text",
}
"""`fallback_scrape_protocol` -> media type."""


def media_type_of(content_type: str, fallback_protocol: str | None) -> str:
    """The media type that has a parser; raises InputError when there is none."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in PARSERS:
        return media_type
    if fallback_protocol is not None:
        return FALLBACKS[fallback_protocol]
    told = f"the content type {content_type!r}" if media_type else "no content type"
    raise InputError(
        f"the target answers with {told}, which is no exposition format",
        advice="check metrics_path; if it is the text format after all, set "
        "fallback_scrape_protocol: PrometheusText0.0.4 in the scrape section",
    )


def new_parser(media_type: str) -> Parser:
    """A parser that has seen nothing yet."""
    return PARSERS[media_type]()
