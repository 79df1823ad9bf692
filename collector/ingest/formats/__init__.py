"""`PARSERS`: media type of an exposition -> its parser; adding one is one file and one line."""

from collections.abc import Callable, Mapping

from collector.ingest.formats.openmetrics import OpenMetricsParser
from collector.ingest.formats.page import Parser
from collector.ingest.formats.protobuf import ProtobufParser
from collector.ingest.formats.text import TextParser

PARSERS: Mapping[str, Callable[[], Parser]] = {
    "application/openmetrics-text": OpenMetricsParser,
    "application/vnd.google.protobuf": ProtobufParser,
    "text/plain": TextParser,
}
