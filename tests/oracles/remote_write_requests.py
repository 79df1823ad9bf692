"""Builds remote-write requests of both versions, and reads them the slow and obvious way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cramjam

from collector.ingest.formats.remote_write_messages import TYPES, V1, V2
from collector.model.labels import Labels

CONTENT_TYPES = {
    1: "application/x-protobuf",
    2: "application/x-protobuf;proto=io.prometheus.write.v2.Request",
}


@dataclass
class Series:
    """One series to be sent; samples are (timestamp_ms, value, start_ms); exemplars are
    (labels, value, timestamp_ms); histograms are dicts of the message's fields."""

    labels: Mapping[str, str]
    samples: Sequence[tuple[int, float, int]] = ()
    exemplars: Sequence[tuple[Mapping[str, str], float, int]] = ()
    histograms: Sequence[dict] = ()
    kind: str = "unknown"
    help: str = ""
    unit: str = ""


@dataclass
class Symbols:
    numbers: dict[str, int] = field(default_factory=lambda: {"": 0})

    def of(self, *texts: str) -> list[int]:
        return [self.numbers.setdefault(text, len(self.numbers)) for text in texts]


def pairs(labels: Mapping[str, str]) -> list[str]:
    return [text for pair in sorted(labels.items()) for text in pair]


def packed(message: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(message))


def encode(version: int, series: Sequence[Series]) -> bytes:
    return encode_v1(series) if version == 1 else encode_v2(series)


def encode_v1(series: Sequence[Series]) -> bytes:
    request = V1["WriteRequest"]()
    for one in series:
        message = request.timeseries.add()
        for name, value in sorted(one.labels.items()):
            message.labels.add(name=name, value=value)
        for timestamp_ms, value, _ in one.samples:
            message.samples.add(value=value, timestamp=timestamp_ms)
        for labels, value, timestamp_ms in one.exemplars:
            exemplar = message.exemplars.add(value=value, timestamp=timestamp_ms)
            for name, text in sorted(labels.items()):
                exemplar.labels.add(name=name, value=text)
        add_histograms(message, one.histograms)
        if one.kind != "unknown":
            request.metadata.add(
                type=TYPES.index(one.kind),
                metric_family_name=one.labels["__name__"],
                help=one.help,
                unit=one.unit,
            )
    return request.SerializeToString()


def encode_v2(series: Sequence[Series]) -> bytes:
    request, symbols = V2["Request"](), Symbols()
    for one in series:
        message = request.timeseries.add()
        message.labels_refs.extend(symbols.of(*pairs(one.labels)))
        for timestamp_ms, value, start_ms in one.samples:
            message.samples.add(value=value, timestamp=timestamp_ms, start_timestamp=start_ms)
        for labels, value, timestamp_ms in one.exemplars:
            exemplar = message.exemplars.add(value=value, timestamp=timestamp_ms)
            exemplar.labels_refs.extend(symbols.of(*pairs(labels)))
        add_histograms(message, one.histograms)
        if one.kind != "unknown":
            help_ref, unit_ref = symbols.of(one.help, one.unit)
            message.metadata.type = TYPES.index(one.kind)
            message.metadata.help_ref, message.metadata.unit_ref = help_ref, unit_ref
    request.symbols.extend(symbols.numbers)
    return request.SerializeToString()


def add_histograms(message: object, histograms: Sequence[dict]) -> None:
    for fields in histograms:
        histogram = message.histograms.add()  # type: ignore[attr-defined]
        for name, value in fields.items():
            if name.endswith("spans"):
                for offset, length in value:
                    getattr(histogram, name).add(offset=offset, length=length)
            elif isinstance(value, list | tuple):
                getattr(histogram, name).extend(value)
            else:
                setattr(histogram, name, value)


def read(version: int, raw: bytes) -> list[tuple[list[tuple[str, str]], list[tuple]]]:
    """(label pairs, samples) of every series by walking protobuf's objects."""
    if version == 1:
        return [
            (
                [(label.name, label.value) for label in one.labels],
                [(sample.timestamp, sample.value, 0) for sample in one.samples],
            )
            for one in V1["WriteRequest"].FromString(raw).timeseries
        ]
    request = V2["Request"].FromString(raw)
    found = []
    for one in request.timeseries:
        texts = [request.symbols[number] for number in one.labels_refs]
        samples = [
            (sample.timestamp, sample.value, sample.start_timestamp or one.created_timestamp)
            for sample in one.samples
        ]
        found.append((list(zip(texts[::2], texts[1::2], strict=True)), samples))
    return found


def samples_of(series: Sequence[Series], version: int) -> dict[tuple[Labels, int], float]:
    """What a store should hold: the first sample of each series at each time."""
    found: dict[tuple[Labels, int], float] = {}
    for one in series:
        for timestamp_ms, value, _ in one.samples:
            found.setdefault((Labels(one.labels), timestamp_ms), value)
    return found
