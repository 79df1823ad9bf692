import math

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from collector.ingest.formats.openmetrics import OpenMetricsParser
from collector.ingest.formats.page import Page
from collector.ingest.formats.scan.text_lines import NO_TIMESTAMP
from collector.model.errors import InputError
from collector.model.labels import Labels

EXPOSITION = """\
# TYPE requests counter
# HELP requests Answered.
requests_total{code="200"} 5 # {trace_id="a}b"} 1 1520879607.789
requests_created{code="200"} 1520430000.123
requests_total{code="500"} 2
requests_created{code="500"} 1520430001.5
# TYPE latency_seconds histogram
# UNIT latency_seconds seconds
latency_seconds_bucket{le="0.1"} 1 # {id="x"} 0.05
latency_seconds_bucket{le="+Inf"} 3
latency_seconds_count 3
latency_seconds_sum 1.25
latency_seconds_created 1520430002
# TYPE size gauge
size 12 1520879607.789
# TYPE not_created gauge
not_created 7
# EOF
"""


def table(page: Page) -> dict[Labels, tuple[float, int, int]]:
    count = len(page)
    times = [NO_TIMESTAMP] * count if page.timestamps_ms is None else page.timestamps_ms.tolist()
    starts = [0] * count if page.start_ms is None else page.start_ms.tolist()
    labels = [page.layout.table.labels_of(index) for index in page.layout.indices]
    rows = zip(labels, page.values.tolist(), times, starts, strict=True)
    return {key: (value, time, start) for key, value, time, start in rows}


def test_reads_what_prometheus_client_reads_without_the_created_lines() -> None:
    ours = table(OpenMetricsParser().parse(EXPOSITION.encode()))
    theirs = {
        Labels({"__name__": sample.name, **sample.labels}): sample
        for family in text_string_to_metric_families(EXPOSITION)
        for sample in family.samples
        if not (sample.name.endswith("_created") and family.type != "gauge")
    }
    assert set(ours) == set(theirs)
    for labels, (value, time, _) in ours.items():
        sample = theirs[labels]
        assert value == sample.value
        stamp = None if sample.timestamp is None else round(float(sample.timestamp) * 1000)
        assert (None if time == NO_TIMESTAMP else time) == stamp


def test_created_lines_say_when_each_counting_series_began() -> None:
    rows = table(OpenMetricsParser().parse(EXPOSITION.encode()))
    assert rows[Labels.of("requests_total", code="200")][2] == 1520430000123
    assert rows[Labels.of("requests_total", code="500")][2] == 1520430001500
    for labels, (_, _, start) in rows.items():
        if labels.metric_name.startswith("latency_seconds"):
            assert start == 1520430002000
    assert rows[Labels.of("size")] == (12, 1520879607789, 0)
    assert rows[Labels.of("not_created")] == (7, NO_TIMESTAMP, 0)


def test_start_times_follow_the_values_of_later_pages() -> None:
    parser = OpenMetricsParser()
    first = parser.parse(EXPOSITION.encode())
    second = parser.parse(EXPOSITION.replace("1520430002\n", "1520439999\n").encode())
    assert second.layout is first.layout
    assert table(second)[Labels.of("latency_seconds_sum")][2] == 1520439999000


def test_exemplars_are_counted_and_units_kept() -> None:
    page = OpenMetricsParser().parse(EXPOSITION.encode())
    assert [(one.series.metric_name, one.labels) for one in page.exemplars] == [
        ("requests_total", Labels({"trace_id": "a}b"})),
        ("latency_seconds_bucket", Labels({"id": "x"})),
    ]
    assert [one.timestamp_ms for one in page.exemplars] == [1520879607789, None]
    assert page.metadata is not None
    assert page.metadata["latency_seconds"].unit == "seconds"


@pytest.mark.parametrize("start", ["NaN", "+Inf", "1e300", "-1e300"])
def test_a_start_time_that_is_none_is_unknown(start: str) -> None:
    body = f"# TYPE a counter\na_total 1\na_created {start}\n# EOF\n"
    assert table(OpenMetricsParser().parse(body.encode()))[Labels.of("a_total")][2] == 0


@pytest.mark.parametrize(
    ("time", "told"), [("1e300", 10**18), ("1e16", 10**18), ("-1e300", -(10**18))]
)
def test_a_time_beyond_every_clock_is_no_missing_time(time: str, told: int) -> None:
    page = OpenMetricsParser().parse(f"a 1 {time}\n# EOF\n".encode())
    assert page.timestamps_ms is not None
    assert page.timestamps_ms.tolist() == [told]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("a 1\n", "without # EOF"),
        ("# EOF\na 1\n", "after # EOF"),
        ("a 1\n\n# EOF\n", "more than a sample"),
        ("a  1\n# EOF\n", "no number"),
        ("a 1 x\n# EOF\n", "no timestamp"),
        ("a 1 NaN\n# EOF\n", "no timestamp"),
        ('a 1 # {x="1"}\n# EOF\n', "no exemplar"),
        ('a 1 # {x="1" 2\n# EOF\n', "no exemplar"),
        ("a 1 # 2\n# EOF\n", "no exemplar"),
        ("", "without # EOF"),
        ("a 1", "without # EOF"),
    ],
)
def test_what_breaks_the_specification_is_told(body: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        OpenMetricsParser().parse(body.encode())


@pytest.mark.parametrize(
    "body",
    [
        '# words of no meaning\na{b="c",d="e"} 1\n# EOF\n',
        '# TYPE a gauge\n# UNIT a seconds\na{b="c",d="e"} 1\n# EOF\n',
        '# TYPE a gauge\na{b="c",d="e"} 1 # {x="y"} 2\n# EOF\n',
        'a{b="c",d="e"} 1 \n# EOF\n',
        'a{b="c" d="e"} 1\n# EOF\n',
        'a{ b = "c" , d = "e" } 1\n# EOF\n',
    ],
    ids=["comment", "unit", "exemplar", "blank", "no_comma", "blanks_in_braces"],
)
def test_what_is_clear_is_read_though_the_format_forbids_it(body: str) -> None:
    page = OpenMetricsParser().parse(body.encode())
    (index,) = page.layout.indices.tolist()
    assert page.layout.table.labels_of(index) == Labels.of("a", b="c", d="e")
    assert page.values.tolist() == [1.0]
    assert page.timestamps_ms is None


def test_a_timestamp_with_more_than_milliseconds_is_rounded() -> None:
    page = OpenMetricsParser().parse(b"a 1 1520879607.7896\n# EOF\n")
    assert page.timestamps_ms is not None
    assert page.timestamps_ms.tolist() == [1520879607790]
    assert not math.isnan(page.values[0])
