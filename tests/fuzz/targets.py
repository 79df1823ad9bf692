"""A target for each scanner: bytes in; an assertion or an unforeseen exception is a finding.

The references are the libraries: where a scanner and the library both take some bytes, they must
say the same; and a parser that has read something else before must say what a fresh one says.
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from prometheus_client.parser import text_string_to_metric_families

from collector.ingest.formats import otlp_metrics, remote_write
from collector.ingest.formats.openmetrics import OpenMetricsParser
from collector.ingest.formats.page import Page, Parser
from collector.ingest.formats.protobuf import ProtobufParser
from collector.ingest.formats.remote_write import SeriesReader, Version
from collector.ingest.formats.text import TextParser
from collector.model.errors import InputError, LimitError
from tests.oracles.metric_families import (
    COUNTER,
    HISTOGRAM,
    classic,
    delimited,
    exemplar,
    family,
    metric,
    spans,
)
from tests.oracles.otlp_requests import RequestBuilder
from tests.oracles.remote_write_requests import Series, encode, read

Target = Callable[[bytes], None]
_REFUSED = (InputError, LimitError)


def told(page: Page) -> tuple[object, ...]:
    """All that a page says, comparable."""
    labels = [page.layout.table.labels_of(index) for index in page.layout.indices.tolist()]
    times = None if page.timestamps_ms is None else page.timestamps_ms.tolist()
    starts = None if page.start_ms is None else page.start_ms.tolist()
    return labels, page.values.tobytes(), times, starts, page.metadata


def parsed(parser: Parser, body: bytes) -> Page | None:
    try:
        return parser.parse(body)
    except InputError:
        return None


class _Past:
    """A parser that lives through all inputs, beside a fresh one for each."""

    def __init__(self, make: Callable[[], Parser]) -> None:
        self._make = make
        self._old = make()

    def __call__(self, body: bytes) -> None:
        fresh, old = parsed(self._make(), body), parsed(self._old, body)
        assert (fresh is None) == (old is None)
        if fresh is not None and old is not None:
            assert told(fresh) == told(old)
            self.check(body, fresh)

    def check(self, body: bytes, page: Page) -> None:
        """What else must hold for a body that is taken."""


class _Text(_Past):
    def check(self, body: bytes, page: Page) -> None:
        if any(line.lstrip(b" \t").startswith(b"#") for line in body.split(b"\n")):
            return  # families hide samples from prometheus_client that don't fit their type
        try:
            text = body.decode()
            found = [one for each in text_string_to_metric_families(text) for one in each.samples]
        except (ValueError, IndexError, KeyError, AttributeError, TypeError):
            return  # it refuses more than the format does
        values = [float(one.value) for one in found]
        if len(values) == len(page):
            for ours, theirs in zip(page.values.tolist(), values, strict=True):
                assert ours == theirs or (math.isnan(ours) and math.isnan(theirs))


def _remote_write(version: Version) -> Target:
    def target(body: bytes) -> None:
        try:
            request = remote_write.scan(np.frombuffer(body, dtype=np.uint8), version)
        except _REFUSED:
            return
        reader = SeriesReader(request)
        for row in range(len(request.series)):
            with contextlib.suppress(InputError):
                labels = reader.labels(row)
                reader.exemplars(row, labels)
                reader.histograms(row)
                reader.metadata(row)
        try:
            reference = read(version, body)
        except (DecodeError, IndexError, ValueError):
            return  # text that is not UTF-8, an odd number of symbols: told when labels are read
        flat = [sample for _, samples in reference for sample in samples]
        assert len(flat) == len(request.values)
        columns = (request.timestamps_ms, request.values, request.start_ms)
        for theirs, ours in zip(
            flat, zip(*(c.tolist() for c in columns), strict=True), strict=True
        ):
            assert theirs[0] == ours[0]
            assert theirs[2] == ours[2]
            assert theirs[1] == ours[1] or (math.isnan(theirs[1]) and math.isnan(ours[1]))

    return target


def _otlp(body: bytes) -> None:
    try:
        points = otlp_metrics.scan(body)
    except _REFUSED:
        return
    try:
        request = ExportMetricsServiceRequest.FromString(body)
    except DecodeError:
        return  # text that is not UTF-8
    count = sum(
        len(getattr(one, kind).data_points)
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for one in scope.metrics
        if (kind := one.WhichOneof("data")) is not None
    )
    assert len(points) == count


TARGETS: Mapping[str, Target] = {
    "text": _Text(TextParser),
    "openmetrics": _Past(OpenMetricsParser),
    "protobuf": _Past(ProtobufParser),
    "remote_write_1": _remote_write(1),
    "remote_write_2": _remote_write(2),
    "otlp": _otlp,
}

_SERIES = Series(
    {"__name__": "x", "a": "b"},
    [(1, 1.5, 0), (1_700_000_000_000, -0.0, 5)],
    [({"trace_id": "t"}, 1.0, 2)],
    [{"count_int": 1, "positive_spans": [(0, 1)], "positive_deltas": [1], "timestamp": 3}],
    kind="counter",
    help="h",
)
_NATIVE = classic(
    [1], [0.5], 1.0, schema=1, positive_span=spans((0, 1)), positive_delta=[1],
    exemplars=[exemplar({"a": "b"}, 1.0, 5)],
)  # fmt: skip
SEEDS: Mapping[str, Sequence[bytes]] = {
    "text": [
        b'# HELP a A.\n# TYPE a counter\na{b="c",d="e\\n\\"\\\\"} 1.5e3 1700000000000\nb +Inf\n',
        b'{"my.metric","l.x"="y"} 12345678901234567890\nc NaN\nd 0x1p-3\ne 1e-320\n',
    ],
    "openmetrics": [
        b'# TYPE a counter\na_total{b="c"} 1 5.5 # {t="x"} 1 5.25\na_created 4\n# EOF\n',
        b'# TYPE h histogram\nh_bucket{le="1"} 2 # {} 3\nh_bucket{le="+Inf"} 2\n# EOF\n',
    ],
    "protobuf": [
        delimited(
            family("h", HISTOGRAM, [metric({"a": "b"}, 5, histogram=_NATIVE)], help="H", unit="s"),
            family("c", COUNTER, [metric({}, counter={"value": 1, "exemplar": exemplar({}, 1)})]),
        )
    ],
    "remote_write_1": [encode(1, [_SERIES, _SERIES])],
    "remote_write_2": [encode(2, [_SERIES, _SERIES])],
    "otlp": [
        RequestBuilder(service__name="w")
        .sum("hits", 3, 10)
        .histogram("h", [1, 2], [0.5], 3.0, 10)
        .gauge("g", 1.0, 5)
        .bytes()
    ],
}
"""Well-formed inputs that mutation starts from."""


def mutated(seed: bytes, chance: random.Random) -> bytes:
    """A seed with a few bytes changed, cut out, doubled or put in."""
    body = bytearray(seed)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(body) + 1)
        span = chance.randrange(1, 9)
        match chance.randrange(5):
            case 0 if at < len(body):
                body[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            case 1:
                del body[at : at + span]
            case 2:
                body[at:at] = body[at : at + span * 4]
            case 3:
                body[at:at] = chance.randbytes(span)
            case _:
                body[at:] = body[at : at + span]
    return bytes(body)
