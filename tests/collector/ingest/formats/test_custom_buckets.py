"""Classic histograms turned into native ones with custom buckets, whichever format they came in."""

from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.ingest.formats.custom_buckets import CustomBucketsParser
from collector.ingest.formats.openmetrics import OpenMetricsParser
from collector.ingest.formats.page import Page, Parser
from collector.ingest.formats.text import TextParser
from collector.model.histogram_columns import COMPONENT, assembled, without_component
from collector.model.histograms import CUSTOM_BUCKETS, NativeHistogram
from collector.model.labels import Labels


def rows(page: Page) -> list[tuple[Labels, float]]:
    labels = [page.layout.table.labels_of(index) for index in page.layout.indices.tolist()]
    return list(zip(labels, page.values.tolist(), strict=True))


def histograms(page: Page) -> dict[Labels, NativeHistogram]:
    found: dict[Labels, list[int]] = {}
    for position, (labels, _) in enumerate(rows(page)):
        if COMPONENT in labels:
            found.setdefault(without_component(labels), []).append(position)
    names = [labels.get(COMPONENT, "") for labels, _ in rows(page)]
    return {
        series: assembled([names[i] for i in places], page.values[places].reshape(-1, 1))[0]  # type: ignore[misc]
        for series, places in found.items()
    }


def converted(parser: Parser, body: str, *, keep_classic: bool = False) -> Page:
    return CustomBucketsParser(parser, keep_classic=keep_classic).parse(body.encode())


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 0.5, 1.0, 2.5, 10.0]), st.integers(0, 1000)),
        unique_by=lambda pair: pair[0],
        max_size=5,
    ),
    st.integers(0, 1000),
)
def test_every_bucket_is_the_difference_of_two_lines(
    buckets: list[tuple[float, int]], beyond: int
) -> None:
    buckets = sorted(buckets)
    cumulative = list(accumulate([count for _, count in buckets] + [beyond]))
    lines = [
        f'h_bucket{{le="{bound}"}} {n}' for (bound, _), n in zip(buckets, cumulative, strict=False)
    ]
    lines += [f'h_bucket{{le="+Inf"}} {cumulative[-1]}', "h_sum 7", f"h_count {cumulative[-1]}"]
    page = converted(TextParser(), "# TYPE h histogram\n" + "".join(f"{one}\n" for one in lines))
    (found,) = histograms(page).values()
    counts = [*(count for _, count in buckets), beyond]
    assert found == NativeHistogram(
        CUSTOM_BUCKETS,
        float(cumulative[-1]),
        7.0,
        positive=tuple((i, float(count)) for i, count in enumerate(counts) if count),
        custom_values=tuple(bound for bound, _ in buckets),
    )


BODY = """# TYPE h histogram
h_bucket{a="x",le="1"} 2
h_bucket{a="x",le="+Inf"} 3
h_count{a="x"} 3
h_sum{a="x"} 4.5
# TYPE other gauge
other 5
h_bucketless 6
"""


def test_what_is_no_histogram_stays_and_classic_lines_stay_when_asked_for() -> None:
    page = converted(TextParser(), BODY)
    assert [row for row in rows(page) if COMPONENT not in row[0]] == [
        (Labels.of("other"), 5.0),
        (Labels.of("h_bucketless"), 6.0),
    ]
    kept = converted(TextParser(), BODY, keep_classic=True)
    assert {labels.metric_name for labels, _ in rows(kept)} >= {"h", "h_bucket", "h_sum", "h_count"}


def test_times_starts_and_exemplars_go_with_the_histogram() -> None:
    body = """# TYPE h histogram
h_bucket{le="1.0"} 2 5 # {trace_id="t"} 0.5
h_bucket{le="+Inf"} 3 5
h_count 3 5
h_sum 4 5
h_created 1.5 5
# EOF
"""
    page = converted(OpenMetricsParser(), body)
    assert page.timestamps_ms is not None
    assert page.start_ms is not None
    assert set(page.timestamps_ms.tolist()) == {5000}
    assert set(page.start_ms.tolist()) == {1500}
    assert [one.series for one in page.exemplars] == [Labels.of("h")]


def test_the_layout_stays_the_same_object_while_the_lines_do() -> None:
    parser = CustomBucketsParser(TextParser(), keep_classic=False)
    first, second = parser.parse(BODY.encode()), parser.parse(BODY.replace(" 3", " 9").encode())
    assert first.layout is second.layout
    assert histograms(second)[Labels.of("h", a="x")].count == 9.0
