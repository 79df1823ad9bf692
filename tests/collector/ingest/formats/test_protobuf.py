"""The protobuf exposition: what Prometheus 3 makes of each kind of metric."""

import contextlib
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.ingest.formats.page import Page
from collector.ingest.formats.protobuf import HistogramChoice, ProtobufParser
from collector.ingest.formats.protobuf_messages import CLIENT
from collector.ingest.formats.scan.text_lines import NO_TIMESTAMP
from collector.model.errors import InputError
from collector.model.histogram_columns import COMPONENT, assembled, without_component
from collector.model.histograms import NativeHistogram, ResetHint
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from tests.oracles.metric_families import (
    COUNTER,
    GAUGE,
    GAUGE_HISTOGRAM,
    HISTOGRAM,
    SUMMARY,
    UNTYPED,
    classic,
    delimited,
    exemplar,
    family,
    metric,
    moment,
    number,
    spans,
)

HISTOGRAM_MESSAGE = CLIENT["Histogram"]
NATIVE = {
    "sample_count": 7,
    "sample_sum": 3.5,
    "schema": 2,
    "zero_threshold": 0.001,
    "zero_count": 1,
    "positive_span": spans((-1, 2), (2, 1)),
    "positive_delta": [1, 1, -1],
    "negative_span": spans((0, 1)),
    "negative_delta": [2],
}
AS_STORED = NativeHistogram(2, 7.0, 3.5, 0.001, 1.0, ((-1, 1.0), (0, 2.0), (3, 1.0)), ((0, 2.0),))


def rows(page: Page) -> list[tuple[Labels, float]]:
    labels = [page.layout.table.labels_of(index) for index in page.layout.indices.tolist()]
    return list(zip(labels, page.values.tolist(), strict=True))


def native_of(page: Page, name: str) -> NativeHistogram:
    found = [(labels, value) for labels, value in rows(page) if labels.metric_name == name]
    cells = page.values[: len(found)].reshape(-1, 1).copy()
    cells[:, 0] = [value for _, value in found]
    (one,) = assembled([labels[COMPONENT] for labels, _ in found], cells)
    assert isinstance(one, NativeHistogram)
    return one


def parse(*families: object, **choice: object) -> Page:
    return ProtobufParser(HistogramChoice(**choice)).parse(delimited(*families))  # type: ignore[arg-type]


NAMES = st.text(min_size=1, max_size=6)
LABELS = st.dictionaries(st.text(min_size=1, max_size=4).filter(lambda n: n != "__name__"), NAMES)
SIMPLE = st.sampled_from([COUNTER, GAUGE, UNTYPED])


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, SIMPLE, LABELS, st.floats(), st.integers(0, 10**15)), max_size=6))
def test_simple_metrics_are_their_value_and_time(metrics: list[tuple]) -> None:
    page = parse(
        *(
            family(name, kind, [metric(labels, at_ms, **number(kind, value))])
            for name, kind, labels, value, at_ms in metrics
        )
    )
    times = [NO_TIMESTAMP] * len(page) if page.timestamps_ms is None else page.timestamps_ms
    for (labels, value), time, told in zip(rows(page), times, metrics, strict=True):
        assert labels == Labels({**told[2], "__name__": told[0]})
        assert value == told[3] or (math.isnan(value) and math.isnan(told[3]))
        assert time == (told[4] or NO_TIMESTAMP)


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(NAMES, LABELS), max_size=4), min_size=2, max_size=4))
def test_a_parser_with_a_past_says_what_a_fresh_one_says(bodies: list[list[tuple]]) -> None:
    parser = ProtobufParser()
    for metrics in bodies:
        body = delimited(
            *(family(n, GAUGE, [metric(labels, **number(GAUGE, 1))]) for n, labels in metrics)
        )
        assert rows(parser.parse(body)) == rows(ProtobufParser().parse(body))


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_garbage_is_an_error_or_samples_and_never_anything_else(body: bytes) -> None:
    with contextlib.suppress(InputError):
        page = ProtobufParser().parse(body)
        assert len(page.values) == len(page.layout.indices)


@settings(deadline=None)
@given(st.data())
def test_a_damaged_body_is_an_error_or_samples(data: st.DataObject) -> None:
    body = bytearray(
        delimited(
            family("h", HISTOGRAM, [metric({"a": "b"}, histogram=HISTOGRAM_MESSAGE(**NATIVE))]),
            family("c", COUNTER, [metric({}, counter=CLIENT["Counter"](value=1))]),
        )
    )
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(InputError):
        page = ProtobufParser().parse(bytes(body))
        assert len(page.values) == len(page.layout.indices)


def test_a_summary_has_count_sum_and_quantiles() -> None:
    quantiles = [CLIENT["Quantile"](quantile=q, value=v) for q, v in ((0.5, 1.0), (1, 2.0))]
    summary = CLIENT["Summary"](
        sample_count=3, sample_sum=4.5, quantile=quantiles, created_timestamp=moment(1500)
    )
    page = parse(family("s", SUMMARY, [metric({"a": "b"}, summary=summary)]))
    assert rows(page) == [
        (Labels.of("s_count", a="b"), 3.0),
        (Labels.of("s_sum", a="b"), 4.5),
        (Labels.of("s", a="b", quantile="0.5"), 1.0),
        (Labels.of("s", a="b", quantile="1.0"), 2.0),
    ]
    assert page.start_ms is not None
    assert page.start_ms.tolist() == [1500] * 4


def test_a_classic_histogram_gets_the_bucket_that_it_lacks() -> None:
    page = parse(family("h", HISTOGRAM, [metric({}, histogram=classic([1, 3, 4], [0.1, 1], 2.5))]))
    assert rows(page) == [
        (Labels.of("h_count"), 4.0),
        (Labels.of("h_sum"), 2.5),
        (Labels.of("h_bucket", le="0.1"), 1.0),
        (Labels.of("h_bucket", le="1.0"), 3.0),
        (Labels.of("h_bucket", le="+Inf"), 4.0),
    ]


@pytest.mark.parametrize("kind", [HISTOGRAM, GAUGE_HISTOGRAM])
def test_a_native_histogram_is_its_columns(kind: int) -> None:
    page = parse(
        family("h", kind, [metric({"a": "b"}, histogram=HISTOGRAM_MESSAGE(**NATIVE))]), native=True
    )
    hint = ResetHint.GAUGE if kind == GAUGE_HISTOGRAM else ResetHint.UNKNOWN
    found = native_of(page, "h")
    assert (found.schema, found.count, found.sum) == (2, 7.0, 3.5)
    assert (found.positive, found.negative) == (AS_STORED.positive, AS_STORED.negative)
    assert found.reset_hint == hint
    assert {without_component(labels) for labels, _ in rows(page)} == {Labels.of("h", a="b")}


def test_a_float_histogram_has_counts_as_they_are() -> None:
    message = HISTOGRAM_MESSAGE(
        sample_count_float=1.5,
        zero_count_float=0.25,
        schema=0,
        positive_span=spans((3, 1)),
        positive_count=[1.25],
    )
    found = native_of(parse(family("h", HISTOGRAM, [metric({}, histogram=message)])), "h")
    assert (found.count, found.zero_count, found.positive) == (1.5, 0.25, ((3, 1.25),))


def test_buckets_that_do_not_add_up_are_no_histogram() -> None:
    message = classic([1, 7], [0.1], 3.5, schema=2, positive_span=spans((0, 1)), positive_delta=[6])
    with pytest.raises(InputError, match="don't add up to its 7 observations"):
        parse(family("h", HISTOGRAM, [metric({}, histogram=message)]))


def test_a_histogram_without_observations_is_native_by_its_empty_span() -> None:
    message = HISTOGRAM_MESSAGE(schema=3, positive_span=spans((0, 0)))
    found = native_of(parse(family("h", HISTOGRAM, [metric({}, histogram=message)])), "h")
    assert (found.schema, found.count, found.positive) == (3, 0.0, ())


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ({"native": True}, {"h"}),
        ({"native": True, "classic": True}, {"h", "h_count", "h_sum", "h_bucket"}),
        ({"native": False}, {"h_count", "h_sum", "h_bucket"}),
    ],
)
def test_both_forms_of_a_histogram_are_taken_as_chosen(choice: dict, names: set[str]) -> None:
    message = classic([1, 7], [0.1], 3.5, schema=2, positive_span=spans((0, 1)), positive_delta=[7])
    page = parse(family("h", HISTOGRAM, [metric({}, histogram=message)]), **choice)
    assert {labels.metric_name for labels, _ in rows(page)} == names


def test_too_many_buckets_are_made_coarser_until_they_fit() -> None:
    message = HISTOGRAM_MESSAGE(
        sample_count=8, schema=3, positive_span=spans((1, 8)), positive_delta=[1] + [0] * 7
    )
    body = family("h", HISTOGRAM, [metric({}, histogram=message)])
    found = native_of(parse(body, bucket_limit=2), "h")
    assert (found.schema, found.positive) == (1, ((1, 4.0), (2, 4.0)))
    assert native_of(parse(body, min_bucket_factor=1.4), "h").schema == 1
    wide = HISTOGRAM_MESSAGE(
        sample_count=2, schema=-4, positive_span=spans((1, 2)), positive_delta=[1, 0]
    )
    with pytest.raises(InputError, match="native_histogram_bucket_limit"):
        parse(family("h", HISTOGRAM, [metric({}, histogram=wide)]), bucket_limit=1)


def test_exemplars_are_told_once_and_of_the_right_series() -> None:
    bucket = CLIENT["Bucket"](
        cumulative_count=1, upper_bound=1, exemplar=exemplar({"trace_id": "b"}, 0.5)
    )
    native = HISTOGRAM_MESSAGE(
        **NATIVE, exemplars=[exemplar({"trace_id": "n"}, 0.7, 9000), exemplar({"x": "y"}, 1.0)]
    )
    body = delimited(
        family(
            "c_total",
            COUNTER,
            [
                metric(
                    {}, counter=CLIENT["Counter"](value=1, exemplar=exemplar({"a": "c"}, 2, 5000))
                )
            ],
        ),
        family("h", HISTOGRAM, [metric({}, histogram=HISTOGRAM_MESSAGE(bucket=[bucket]))]),
        family("n", HISTOGRAM, [metric({}, 8000, histogram=native)]),
    )
    parser = ProtobufParser()
    found = [
        (one.series, one.labels, one.value, one.timestamp_ms)
        for one in parser.parse(body).exemplars
    ]
    assert found == [
        (Labels.of("c_total"), Labels({"a": "c"}), 2.0, 5000),
        (Labels.of("h_bucket", le="1.0"), Labels({"trace_id": "b"}), 0.5, None),
        (Labels.of("n"), Labels({"trace_id": "n"}), 0.7, 9000),
    ]
    assert not parser.parse(body).exemplars


def test_metadata_and_layout_stay_the_same_objects_while_nothing_changes() -> None:
    def body(value: float) -> bytes:
        one = metric({"a": "b"}, **number(GAUGE, value))
        return delimited(family("g", GAUGE, [one], help="H", unit="s"))

    parser = ProtobufParser()
    first, second = parser.parse(body(1)), parser.parse(body(2))
    assert first.metadata == {"g": Metadata("gauge", "H", "s")}
    assert (first.layout, first.metadata) == (second.layout, second.metadata)
    assert first.layout is second.layout
    assert first.metadata is second.metadata


def test_a_second_name_is_refused() -> None:
    with pytest.raises(InputError):
        parse(family("g", GAUGE, [metric({"__name__": "x"}, **number(GAUGE, 1))]))


def test_a_label_cant_pass_for_a_part_of_a_histogram() -> None:
    page = parse(family("g", GAUGE, [metric({COMPONENT: "count"}, **number(GAUGE, 1))]))
    (labels,) = map(page.layout.table.labels_of, page.layout.indices.tolist())
    assert labels == Labels.of("g", exported___histogram__="count")


def test_series_that_are_forgotten_are_read_again() -> None:
    parser = ProtobufParser()
    for start in range(0, 6000, 500):
        metrics = [metric({"id": str(i)}, **number(GAUGE, i)) for i in range(start, start + 500)]
        page = parser.parse(delimited(family("g", GAUGE, metrics)))
        assert len(page.layout.table) <= 4 * 500 + 1000 + 500
        assert rows(page)[0] == (Labels.of("g", id=str(start)), float(start))
