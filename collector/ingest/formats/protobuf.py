"""The protobuf exposition format, delimited MetricFamily messages: bytes in, pages out.

It is the one format that carries native histograms; each becomes its columns, as the model has
them. A classic histogram beside a native one is left out unless it is asked for.
Source: github.com/prometheus/client_model; what is made of it is what Prometheus 3 makes of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from google.protobuf.message import DecodeError

from collector.ingest.formats.go_float import format_bound
from collector.ingest.formats.histogram_wire import checked, read_buckets
from collector.ingest.formats.page import ExposedExemplar, Layout, Page, SeriesTable
from collector.ingest.formats.protobuf_messages import (
    CLIENT,
    COUNTER,
    GAUGE,
    GAUGE_HISTOGRAM,
    HISTOGRAM,
    SUMMARY,
    UNTYPED,
)
from collector.ingest.formats.protobuf_schema import Message
from collector.ingest.formats.reserved_label import moved_aside
from collector.ingest.formats.scan.text_lines import NO_TIMESTAMP
from collector.model.errors import InputError, Where
from collector.model.histogram_arithmetic import with_schema
from collector.model.histogram_columns import COMPONENT, parts
from collector.model.histograms import MIN_SCHEMA, NativeHistogram, ResetHint
from collector.model.labels import METRIC_NAME, Labels
from collector.model.metadata import Metadata, MetricType
from collector.model.samples import Int64s

MAX_FORGOTTEN = 4
"""A table with over this many times the series of a body (and 1,000 more) is made anew."""
MAX_TIME_MS = 10**15
"""What is further from 1970 is no time."""

_TYPES: Mapping[int, MetricType] = {
    COUNTER: "counter",
    GAUGE: "gauge",
    SUMMARY: "summary",
    UNTYPED: "unknown",
    HISTOGRAM: "histogram",
    GAUGE_HISTOGRAM: "gaugehistogram",
}
_ADVICE = "the target must answer with length-delimited io.prometheus.client.MetricFamily messages"


@dataclass(frozen=True, slots=True)
class HistogramChoice:
    """Which histograms are taken, as `scrape_configs` says; `bucket_limit` 0 is no limit.

    `min_bucket_factor`: a native histogram with finer buckets is made coarser.
    """

    native: bool = True
    classic: bool = False
    bucket_limit: int = 0
    min_bucket_factor: float = 0.0


class ProtobufParser:
    """Parses the bodies of one target."""

    def __init__(self, choice: HistogramChoice | None = None) -> None:
        self._choice = choice or HistogramChoice()
        self._table = SeriesTable()
        self._layout: Layout | None = None
        self._metadata: Mapping[str, Metadata] = {}
        self._exemplars: dict[Labels, tuple[ExposedExemplar, ...]] = {}

    def parse(self, body: bytes) -> Page:
        """The page of a body; raises InputError for the first message that is wrong."""
        families = list(_families(body))
        if self._layout is not None and len(self._table) > MAX_FORGOTTEN * len(self._layout) + 1000:
            self._table = SeriesTable()
        cells = _Cells(self._table, self._choice)
        metadata = {}
        for family in families:
            metadata[family.name] = Metadata(
                _TYPES.get(family.type, "unknown"), family.help, family.unit
            )
            cells.add_family(family)
        if metadata != self._metadata:
            self._metadata = metadata
        exemplars = [
            one
            for series, found in cells.exemplars.items()
            for one in found
            if one not in self._exemplars.get(series, ())
        ]
        self._exemplars = {series: tuple(found) for series, found in cells.exemplars.items()}
        return self._page(cells, exemplars)

    def _page(self, cells: _Cells, exemplars: list[ExposedExemplar]) -> Page:
        indices = np.array(cells.indices, dtype=np.int64)
        layout = self._layout
        known = layout is not None and layout.table is self._table
        if layout is None or not known or not np.array_equal(layout.indices, indices):
            layout = self._layout = Layout(self._table, indices)
        times: Int64s = np.array(cells.times, dtype=np.int64)
        starts: Int64s = np.array(cells.starts, dtype=np.int64)
        return Page(
            layout,
            np.array(cells.values, dtype=np.float64),
            times if (times != NO_TIMESTAMP).any() else None,
            starts if starts.any() else None,
            self._metadata,
            exemplars,
        )


def _families(body: bytes) -> Iterator[Message]:
    at = 0
    while at < len(body):
        size, begin = _length(body, at)
        if begin + size > len(body):
            raise _malformed(at, "a message is cut short")
        try:
            yield CLIENT["MetricFamily"].FromString(body[begin : begin + size])
        except DecodeError as error:
            raise _malformed(at, f"not a MetricFamily: {error}") from error
        at = begin + size


def _length(body: bytes, at: int) -> tuple[int, int]:
    """A varint and where it ends."""
    size = 0
    for shift in range(0, 35, 7):
        if at >= len(body):
            break
        byte = body[at]
        size |= (byte & 127) << shift
        at += 1
        if byte < 128:
            return size, at
    raise _malformed(at, "a message has no length")


def _malformed(at: int, message: str) -> InputError:
    return InputError(message, where=Where(field=f"byte {at}"), advice=_ADVICE)


class _Cells:
    """The samples of a body, gathered family by family."""

    def __init__(self, table: SeriesTable, choice: HistogramChoice) -> None:
        self._table = table
        self._choice = choice
        self.indices: list[int] = []
        self.values: list[float] = []
        self.times: list[int] = []
        self.starts: list[int] = []
        self.exemplars: dict[Labels, list[ExposedExemplar]] = {}
        self._base: dict[str, str] = {}
        self._key = b""
        self._time_ms = NO_TIMESTAMP
        self._start_ms = 0

    def add_family(self, family: Message) -> None:
        """All metrics of a family; those of another type than the family's are passed over."""
        for metric in family.metric:
            self._begin(family.name, metric)
            if family.type == COUNTER and metric.HasField("counter"):
                self._counter(metric.counter)
            elif family.type == GAUGE and metric.HasField("gauge"):
                self._put("", metric.gauge.value)
            elif family.type == UNTYPED and metric.HasField("untyped"):
                self._put("", metric.untyped.value)
            elif family.type == SUMMARY and metric.HasField("summary"):
                self._summary(metric.summary)
            elif family.type in (HISTOGRAM, GAUGE_HISTOGRAM) and metric.HasField("histogram"):
                self._histogram(metric.histogram, is_gauge=family.type == GAUGE_HISTOGRAM)

    def _begin(self, name: str, metric: Message) -> None:
        pairs = [(label.name, label.value) for label in metric.label]
        if len(dict(pairs)) < len(pairs) or not name:
            raise InputError(f"a metric of {name!r} has a label twice, or no name", advice=_ADVICE)
        self._base = moved_aside(dict(pairs))
        if METRIC_NAME in self._base:
            raise InputError(f"a label {METRIC_NAME} in a metric of {name}", advice="rename it")
        self._base[METRIC_NAME] = name
        self._key = _joined(name, *(text for pair in pairs for text in pair))
        self._time_ms = metric.timestamp_ms or NO_TIMESTAMP
        self._start_ms = 0

    def _put(self, suffix: str, value: float, **more: str) -> Labels:
        """One sample of the metric; answers its series."""
        raw = (
            self._key + b"\xfe" + _joined(suffix, *(text for pair in more.items() for text in pair))
        )
        index = self._table.find(raw)
        if index is None:
            name = self._base[METRIC_NAME] + suffix
            index = self._table.add(raw, Labels({**self._base, **more, METRIC_NAME: name}))
        self.indices.append(index)
        self.values.append(value)
        self.times.append(self._time_ms)
        self.starts.append(self._start_ms)
        return self._table.labels_of(index)

    def _counter(self, counter: Message) -> None:
        self._start_ms = _milliseconds(counter, "created_timestamp") or 0
        series = self._put("", counter.value)
        if counter.HasField("exemplar"):
            self._exemplar(series, counter.exemplar)

    def _summary(self, summary: Message) -> None:
        self._start_ms = _milliseconds(summary, "created_timestamp") or 0
        self._put("_count", float(summary.sample_count))
        self._put("_sum", summary.sample_sum)
        for one in summary.quantile:
            self._put("", one.value, quantile=format_bound(one.quantile))

    def _histogram(self, histogram: Message, *, is_gauge: bool) -> None:
        self._start_ms = _milliseconds(histogram, "created_timestamp") or 0
        native = self._choice.native and _is_native(histogram)
        if native:
            self._native(histogram, is_gauge=is_gauge)
        if not native or (self._choice.classic and len(histogram.bucket)):
            self._classic(histogram)

    def _native(self, message: Message, *, is_gauge: bool) -> None:
        histogram = _limited(_native(message, is_gauge=is_gauge), self._choice)
        for component, value in parts(histogram):
            self._put("", value, **{COMPONENT: component})
        series = Labels(self._base)
        for exemplar in (*message.exemplars, *(one.exemplar for one in message.bucket)):
            # without a time it could not be told from the one of another bucket
            if exemplar.HasField("timestamp"):
                self._exemplar(series, exemplar)

    def _classic(self, histogram: Message) -> None:
        count = float(histogram.sample_count_float or histogram.sample_count)
        self._put("_count", count)
        self._put("_sum", histogram.sample_sum)
        last = -math.inf
        for bucket in histogram.bucket:
            last = bucket.upper_bound
            cumulative = float(bucket.cumulative_count_float or bucket.cumulative_count)
            series = self._put("_bucket", cumulative, le=format_bound(last))
            if bucket.HasField("exemplar"):
                self._exemplar(series, bucket.exemplar)
        if last != math.inf:
            self._put("_bucket", count, le="+Inf")

    def _exemplar(self, series: Labels, exemplar: Message) -> None:
        labels = Labels((pair.name, pair.value) for pair in exemplar.label)
        sample_ms = None if self._time_ms == NO_TIMESTAMP else self._time_ms
        timestamp_ms = _milliseconds(exemplar, "timestamp")
        one = ExposedExemplar(series, labels, exemplar.value, timestamp_ms, sample_ms)
        self.exemplars.setdefault(series, []).append(one)


def _joined(*texts: str) -> bytes:
    """Texts as one key: the byte between them is in no UTF-8."""
    return b"\xff".join(text.encode() for text in texts)


def _milliseconds(message: Message, field: str) -> int | None:
    """A Timestamp field in milliseconds, None when it is absent or no time."""
    if not message.HasField(field):
        return None
    timestamp = getattr(message, field)
    found: int = timestamp.seconds * 1000 + timestamp.nanos // 1_000_000
    return found if abs(found) < MAX_TIME_MS else None


def _is_native(histogram: Message) -> bool:
    """What has no observations at all has a span without buckets to say that it is native."""
    return bool(
        len(histogram.positive_span)
        or len(histogram.negative_span)
        or histogram.zero_threshold > 0
        or histogram.zero_count > 0
        or histogram.zero_count_float > 0
    )


def _native(message: Message, *, is_gauge: bool) -> NativeHistogram:
    return checked(
        NativeHistogram(
            message.schema,
            float(message.sample_count_float or message.sample_count),
            message.sample_sum,
            message.zero_threshold,
            float(message.zero_count_float or message.zero_count),
            read_buckets(
                [(one.offset, one.length) for one in message.positive_span],
                message.positive_delta,
                message.positive_count,
            ),
            read_buckets(
                [(one.offset, one.length) for one in message.negative_span],
                message.negative_delta,
                message.negative_count,
            ),
            reset_hint=ResetHint.GAUGE if is_gauge else ResetHint.UNKNOWN,
        ),
        whole=not (message.sample_count_float or message.zero_count_float),
    )


def _limited(histogram: NativeHistogram, choice: HistogramChoice) -> NativeHistogram:
    """The histogram with as few and as wide buckets as asked for.

    Raises InputError when even the widest buckets are too many.
    """
    factor = choice.min_bucket_factor
    while 1 < 2 ** (2.0**-histogram.schema) < factor and histogram.schema > MIN_SCHEMA:
        histogram = with_schema(histogram, histogram.schema - 1)
    limit = choice.bucket_limit
    while limit and len(histogram.positive) + len(histogram.negative) > limit:
        if histogram.schema <= MIN_SCHEMA:
            raise InputError(
                f"a histogram has more buckets than native_histogram_bucket_limit of {limit}",
                advice="raise native_histogram_bucket_limit in the scrape section",
            )
        histogram = with_schema(histogram, histogram.schema - 1)
    return histogram
