"""What is written is what the reader, and protobuf itself, read back."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.ingest.formats import remote_write
from collector.ingest.formats.remote_write import HistogramSample, SeriesReader
from collector.ingest.formats.remote_write_encoder import (
    Item,
    Series,
    encode,
    encode_metadata,
    varint,
)
from collector.ingest.formats.remote_write_messages import V1
from collector.model.exemplar import Exemplar
from collector.model.histograms import NativeHistogram, ResetHint
from collector.model.labels import METRIC_NAME, Labels
from collector.model.metadata import Metadata
from collector.model.samples import STALE, STALE_BITS

LABELS = st.dictionaries(st.sampled_from(["a", "job", "ñ"]), st.text(min_size=1, max_size=5)).map(
    lambda pairs: Labels({**pairs, METRIC_NAME: "m"})
)
TIMES = st.integers(-(2**62), 2**62)
ITEMS = st.lists(st.tuples(LABELS, TIMES, st.floats(), st.integers(0, 2**60)), max_size=6)
VERSIONS = st.sampled_from([1, 2])


def no_metadata(_: str) -> None:
    return None


def read(body: bytes, version: int) -> tuple[remote_write.Request, SeriesReader]:
    request = remote_write.scan(remote_write.unpacked(body), version)  # type: ignore[arg-type]
    return request, SeriesReader(request)


@settings(deadline=None)
@given(VERSIONS, ITEMS)
def test_samples_come_back(version: int, rows: list[tuple]) -> None:
    items = [Item(Series(labels, 0), at_ms, value, start) for labels, at_ms, value, start in rows]
    request, reader = read(encode(items, version, no_metadata), version)  # type: ignore[arg-type]
    assert len(request.series) == len(request.values) == len(rows)
    for i, (labels, at_ms, value, start) in enumerate(rows):
        assert reader.labels(i) == labels
        assert request.timestamps_ms[i] == at_ms
        assert request.values[i] == value or (math.isnan(value) and math.isnan(request.values[i]))
        assert request.start_ms[i] == (start if version == 2 else 0)


COUNTS = st.one_of(st.integers(1, 10**9).map(float), st.floats(0.001, 1e9))
BUCKETS = st.dictionaries(st.integers(-50, 50), COUNTS, max_size=8).map(
    lambda found: tuple(sorted(found.items()))
)
HISTOGRAMS = st.builds(
    NativeHistogram,
    schema=st.integers(-4, 8),
    count=COUNTS,
    sum=st.floats(allow_nan=False),
    zero_threshold=st.floats(0, 1),
    zero_count=st.just(0.0) | COUNTS,
    positive=BUCKETS,
    negative=BUCKETS,
    reset_hint=st.sampled_from(ResetHint),
)
CUSTOM = NativeHistogram(-53, 5.0, 9.0, positive=((0, 2.0), (2, 3.0)), custom_values=(0.25, 1.0))


@settings(deadline=None)
@given(VERSIONS, HISTOGRAMS | st.just(CUSTOM))
def test_histograms_come_back(version: int, histogram: NativeHistogram) -> None:
    item = Item(Series(Labels.of("h"), 0), 5, histogram, is_histogram=True)
    _, reader = read(encode([item], version, no_metadata), version)  # type: ignore[arg-type]
    (found,) = reader.histograms(0)
    assert isinstance(found, HistogramSample)
    assert (found.timestamp_ms, found.histogram) == (5, histogram)


@pytest.mark.parametrize("version", [1, 2])
def test_stale_markers_exemplars_and_metadata_come_back(version: int) -> None:
    series = Series(Labels.of("x_total"), 0)
    exemplar = Exemplar(series.labels, Labels({"trace_id": "t"}), 0.5, 900)
    items = [
        Item(series, 1, STALE),
        Item(series, 2, STALE, is_histogram=True),
        Item(series, 900, exemplar),
    ]
    told = Metadata("counter", "Help.", "s")
    body = encode(items, version, lambda _: told)  # type: ignore[arg-type]
    request, reader = read(body, version)
    assert request.values.view(np.int64).tolist() == [STALE_BITS]
    assert [getattr(one, "histogram", 0) for one in reader.histograms(1)] == [None]
    assert reader.exemplars(2, series.labels) == [exemplar]
    if version == 2:
        assert reader.metadata(0) == ("x_total", told)


def test_metadata_alone_is_a_request_of_1_0() -> None:
    _, reader = read(encode_metadata({"x": Metadata("gauge", "Help.", "s")}), 1)
    assert reader.families() == {"x": Metadata("gauge", "Help.", "s")}


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_varint_is_protobufs(number: int) -> None:
    expected = V1["Sample"](timestamp=number).SerializeToString()[1:]
    assert varint(number) == (expected or b"\x00")
