"""Samples with their own timestamps as an exposition: what federation answers.

Source: expfmt of prometheus/common, text 0.0.4 and delimited protobuf. Only the latter can carry
native histograms. A family is of one kind: a name that has floats and histograms has two families.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from collector.ingest.formats.go_float import format_bound
from collector.ingest.formats.histogram_wire import write_spans
from collector.ingest.formats.protobuf_messages import (
    CLIENT,
    GAUGE_HISTOGRAM,
    HISTOGRAM,
    UNTYPED,
)
from collector.model.histograms import Buckets, NativeHistogram, ResetHint
from collector.model.labels import quote

TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PROTOBUF_TYPE = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
_METRIC = re.compile(r"[a-zA-Z_:][\w:]*", re.ASCII)
_LABEL = re.compile(r"[a-zA-Z_]\w*", re.ASCII)
_NOT_IN_NAMES = re.compile(r"[^\w:]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Exposed:
    """One sample: the metric's name, its labels in order (an empty value is sent), its time."""

    name: str
    labels: Sequence[tuple[str, str]]
    value: float | NativeHistogram
    time_ms: int

    @property
    def kind(self) -> int:
        """The type of its family."""
        if not isinstance(self.value, NativeHistogram):
            return UNTYPED
        return GAUGE_HISTOGRAM if self.value.reset_hint is ResetHint.GAUGE else HISTOGRAM


def text(samples: Iterable[Exposed], *, utf8_names: bool) -> bytes:
    """The floats among the samples, which are sorted by name; native histograms are left out.

    Names that the classic form can't write are quoted with `utf8_names`, else made of underscores.
    """
    written = _quoted_line if utf8_names else _plain_line
    lines: list[str] = []
    floats = (one for one in samples if one.kind == UNTYPED)
    for name, family in groupby(floats, lambda one: one.name):
        told = name if _METRIC.fullmatch(name) else quote(name) if utf8_names else _plain(name)
        lines.append(f"# TYPE {told} untyped\n")
        lines += map(written, family)
    return "".join(lines).encode("utf-8", "replace")


def protobuf(samples: Iterable[Exposed]) -> bytes:
    """Length-delimited MetricFamily messages of all samples, which are sorted by name."""
    out = bytearray()
    for (name, kind), family in groupby(samples, lambda one: (one.name, one.kind)):
        message = CLIENT["MetricFamily"](name=name, type=kind)
        message.metric.extend(map(_metric, family))
        body: bytes = message.SerializeToString()
        size = len(body)
        while size >= 0x80:
            out.append(size & 0x7F | 0x80)
            size >>= 7
        out.append(size)
        out += body
    return bytes(out)


def _quoted_line(one: Exposed) -> str:
    is_plain = bool(_METRIC.fullmatch(one.name))
    parts = [] if is_plain else [quote(one.name)]
    for name, value in one.labels:
        parts.append(_pair(name if _LABEL.fullmatch(name) else quote(name), value))
    return _line(one.name if is_plain else "", parts, one)


def _plain_line(one: Exposed) -> str:
    return _line(_plain(one.name), [_pair(_plain(name), value) for name, value in one.labels], one)


def _line(name: str, parts: Sequence[str], one: Exposed) -> str:
    inner = f"{{{','.join(parts)}}}" if parts else ""
    value = one.value if isinstance(one.value, float) else 0.0
    return f"{name}{inner} {format_bound(value).removesuffix('.0')} {one.time_ms}\n"


def _pair(name: str, value: str) -> str:
    return f"{name}={quote(value)}"


def _plain(name: str) -> str:
    """A name of underscores where it has what the classic form can't write."""
    plain = _NOT_IN_NAMES.sub("_", name)
    return f"_{plain}" if plain[:1].isdigit() else plain


def _metric(one: Exposed) -> object:
    labels = [{"name": name, "value": value} for name, value in one.labels]
    message = CLIENT["Metric"](label=labels, timestamp_ms=one.time_ms)
    if isinstance(one.value, NativeHistogram):
        message.histogram.CopyFrom(_histogram(one.value))
    else:
        message.untyped.value = one.value
    return message


def _histogram(value: NativeHistogram) -> object:
    return CLIENT["Histogram"](
        sample_count_float=value.count,
        sample_sum=value.sum,
        schema=value.schema,
        zero_threshold=value.zero_threshold,
        zero_count_float=value.zero_count,
        negative_span=_spans(value.negative),
        negative_count=[count for _, count in value.negative],
        positive_span=_spans(value.positive),
        positive_count=[count for _, count in value.positive],
    )


def _spans(buckets: Buckets) -> list[dict[str, int]]:
    return [{"offset": offset, "length": length} for offset, length in write_spans(buckets)]
