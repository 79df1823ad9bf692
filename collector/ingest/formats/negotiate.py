"""Which exposition format: what a scrape asks for, and which parser reads what it got.

Protocols have the names that `scrape_protocols` knows; the header is built as Prometheus 3 builds
it, so that exporters see what they were tried with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from collector.ingest.formats import PARSERS
from collector.ingest.formats.custom_buckets import CustomBucketsParser
from collector.ingest.formats.page import Parser
from collector.ingest.formats.protobuf import HistogramChoice, ProtobufParser
from collector.model.errors import InputError

ScrapeProtocol = Literal[
    "PrometheusProto",
    "OpenMetricsText0.0.1",
    "OpenMetricsText1.0.0",
    "PrometheusText0.0.4",
    "PrometheusText1.0.0",
]
EscapingScheme = Literal["allow-utf-8", "underscores", "dots", "values"]

PROTOBUF = "application/vnd.google.protobuf"
ACCEPTED: dict[ScrapeProtocol, str] = {
    "PrometheusProto": f"{PROTOBUF};proto=io.prometheus.client.MetricFamily;encoding=delimited",
    "OpenMetricsText0.0.1": "application/openmetrics-text;version=0.0.1",
    "OpenMetricsText1.0.0": "application/openmetrics-text;version=1.0.0",
    "PrometheusText0.0.4": "text/plain;version=0.0.4",
    "PrometheusText1.0.0": "text/plain;version=1.0.0",
}
"""What each protocol is in the header Accept."""
DEFAULT_PROTOCOLS: tuple[ScrapeProtocol, ...] = (
    "OpenMetricsText1.0.0",
    "OpenMetricsText0.0.1",
    "PrometheusText1.0.0",
    "PrometheusText0.0.4",
)
NATIVE_PROTOCOLS: tuple[ScrapeProtocol, ...] = ("PrometheusProto", *DEFAULT_PROTOCOLS)
"""The default where native histograms are scraped: no text format carries them."""

_ESCAPED = ("OpenMetricsText1.0.0", "PrometheusText1.0.0")


@dataclass(frozen=True, slots=True)
class Formats:
    """What a scrape section says of formats.

    `to_custom_buckets` converts classic histograms; `histograms.classic` keeps them beside.
    """

    protocols: tuple[ScrapeProtocol, ...] = DEFAULT_PROTOCOLS
    fallback: ScrapeProtocol | None = None
    escaping: EscapingScheme = "allow-utf-8"
    histograms: HistogramChoice = field(default_factory=lambda: HistogramChoice(native=False))
    to_custom_buckets: bool = False

    def accept(self) -> str:
        """The header Accept."""
        return accept_header(self.protocols, self.escaping)

    def parser(self, media_type: str) -> Parser:
        """A parser that has seen nothing yet."""
        if media_type == PROTOBUF:
            parser: Parser = ProtobufParser(self.histograms)
        else:
            parser = PARSERS[media_type]()
        if self.to_custom_buckets:
            return CustomBucketsParser(parser, keep_classic=self.histograms.classic)
        return parser


def accept_header(protocols: Sequence[ScrapeProtocol], escaping: EscapingScheme) -> str:
    """Weights fall from 0.6 in the order of preference; anything else is better than nothing."""
    weight = len(get_args(ScrapeProtocol)) + 1
    offered = []
    for protocol in protocols:
        scheme = f";escaping={escaping}" if protocol in _ESCAPED else ""
        offered.append(f"{ACCEPTED[protocol]}{scheme};q=0.{weight}")
        weight -= 1
    return ",".join([*offered, f"*/*;q=0.{weight}"])


def new_parser(media_type: str) -> Parser:
    """A parser as it is without any choice."""
    return PARSERS[media_type]()


def media_type_of(content_type: str, fallback_protocol: ScrapeProtocol | None) -> str:
    """The media type that has a parser; raises InputError when there is none."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in PARSERS:
        return media_type
    if fallback_protocol is not None:
        return ACCEPTED[fallback_protocol].partition(";")[0]
    told = f"the content type {content_type!r}" if media_type else "no content type"
    raise InputError(
        f"the target answers with {told}, which is no exposition format",
        advice="check metrics_path; if it is the text format after all, set "
        "fallback_scrape_protocol: PrometheusText0.0.4 in the scrape section",
    )
