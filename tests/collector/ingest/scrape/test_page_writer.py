"""Rows, staleness and limits of one target, without network or clock."""

import pytest
from prometheus_client import CollectorRegistry

from collector.ingest.formats.openmetrics import OpenMetricsParser
from collector.ingest.formats.text import TextParser
from collector.ingest.limits import NO_LIMITS, SeriesLimits
from collector.ingest.relabel import Rule, compile_rules
from collector.ingest.scrape.page_writer import PageWriter
from collector.ingest.write import Admission, SampleWriter
from collector.model.errors import LimitError
from collector.model.labels import Labels
from collector.self_metrics import IngestMetrics
from tests.oracles.recording_appender import RecordingAppender

TARGET = Labels({"job": "j"})
SOURCE = "scrape/j"


class Bench:
    """A target's writer on a store that one can ask."""

    def __init__(
        self,
        *rules: Rule,
        limits: SeriesLimits = NO_LIMITS,
        max_series: int = 1000,
        honor_timestamps: bool = True,
    ) -> None:
        self.registry = CollectorRegistry()
        self.store = RecordingAppender(max_series)
        writer = SampleWriter(self.store, IngestMetrics(self.registry), "scrape")
        admission = Admission(SOURCE, compile_rules(rules), limits, writer)
        self.parser = TextParser()
        self.pages = PageWriter(
            SOURCE, TARGET, admission, writer, honor_timestamps=honor_timestamps
        )

    def scrape(self, text: str, time: int) -> None:
        self.pages.write(self.parser.parse(text.encode()), time, 0.25)

    def refused(self, reason: str) -> float:
        labels = {"origin": "scrape", "reason": reason}
        return self.registry.get_sample_value("tocsin_ingest_samples_refused_total", labels) or 0


def test_a_scrape_is_one_row_with_its_report() -> None:
    bench = Bench()
    bench.scrape("a 1\nb 2\n", 1000)
    (row,) = bench.store.rows
    assert len(row.refs) == 7
    store = bench.store
    assert store.samples("a") == [(1000, 1.0)]
    assert store.samples("up", job="j") == [(1000, 1.0)]
    assert store.values("scrape_duration_seconds") == [0.25]
    assert store.values("scrape_samples_scraped") == [2]
    assert store.values("scrape_samples_post_metric_relabeling") == [2]
    assert store.values("scrape_series_added") == [2]


def test_the_same_series_come_in_the_same_refs_object() -> None:
    bench = Bench()
    for time in (1, 2, 3):
        bench.scrape(f"a {time}\nb 2\n", time)
    assert bench.store.rows[0].refs is bench.store.rows[2].refs
    assert bench.store.values("scrape_series_added") == [2, 0, 0]


def test_a_series_that_vanishes_is_marked_stale_once() -> None:
    bench = Bench()
    bench.scrape("a 1\nb 2\n", 1)
    for time in (2, 3):
        bench.scrape("a 1\n", time)
    assert bench.store.samples("b") == [(1, 2.0), (2, "stale")]
    assert bench.store.values("a") == [1, 1, 1]
    bench.scrape("a 1\nb 5\n", 4)
    assert bench.store.values("b") == [2, "stale", 5]


def test_a_failed_scrape_ends_every_series_and_is_down() -> None:
    bench = Bench()
    bench.scrape("a 1\n", 1)
    bench.pages.fail(2, 0.5)
    bench.pages.fail(3, 0.5)
    bench.scrape("a 4\n", 4)
    assert bench.store.samples("a") == [(1, 1.0), (2, "stale"), (4, 4.0)]
    assert bench.store.values("up") == [1, 0, 0, 1]
    assert bench.store.values("scrape_samples_scraped") == [1, 0, 0, 1]


def test_a_target_that_was_never_up_is_down() -> None:
    bench = Bench()
    bench.pages.fail(1, 0.5)
    assert bench.store.samples("up") == [(1, 0.0)]


def test_a_target_that_goes_takes_its_report_with_it() -> None:
    bench = Bench()
    bench.scrape("a 1\n", 1)
    bench.pages.end(2)
    assert bench.store.values("a") == [1, "stale"]
    assert bench.store.values("up") == [1, "stale"]


def test_a_successor_knows_what_was_there() -> None:
    bench, heir = Bench(), Bench()
    bench.scrape("a 1\nb 1\n", 1)
    heir.store = bench.store
    writer = SampleWriter(bench.store, IngestMetrics(CollectorRegistry()), "scrape")
    admission = Admission(SOURCE, compile_rules([]), NO_LIMITS, writer)
    pages = PageWriter(SOURCE, TARGET, admission, writer)
    pages.succeed(bench.pages)
    pages.write(TextParser().parse(b"a 2\n"), 2, 0.1)
    assert bench.store.values("a") == [1, 2]
    assert bench.store.values("b") == [1, "stale"]


def test_relabelled_away_samples_are_not_kept_and_are_counted() -> None:
    bench = Bench(Rule(action="drop", source_labels=("__name__",), regex="b"))
    bench.scrape("a 1\nb 2\n", 1)
    assert bench.store.values("scrape_samples_scraped") == [2]
    assert bench.store.values("scrape_samples_post_metric_relabeling") == [1]
    assert "b" not in bench.store.names()
    assert bench.refused("relabelled_away") == 1


def test_two_lines_of_one_series_are_one_sample() -> None:
    bench = Bench(Rule(action="labeldrop", regex="x"))
    bench.scrape('a{x="1"} 1\nb 2\na{x="2"} 3\n', 1)
    assert bench.store.values("a") == [1]
    assert bench.store.values("b") == [2]
    assert bench.refused("duplicate_in_scrape") == 1


def test_samples_with_a_time_of_their_own_keep_it_and_never_go_stale() -> None:
    bench = Bench()
    bench.scrape("a 1 500\nb 2\n", 1000)
    bench.scrape("b 2\n", 2000)
    assert bench.store.samples("a") == [(500, 1.0)]
    assert bench.store.samples("b") == [(1000, 2.0), (2000, 2.0)]


def test_times_that_are_not_honored_are_passed_over() -> None:
    bench = Bench(honor_timestamps=False)
    bench.scrape("a 1 500\n", 1000)
    assert bench.store.samples("a") == [(1000, 1.0)]


def test_start_times_go_with_their_samples() -> None:
    bench = Bench()
    body = b"# TYPE a counter\na_total 1\na_created 5\n# EOF\n"
    bench.pages.write(OpenMetricsParser().parse(body), 9000, 0.1)
    assert bench.store.start_ms == {(Labels.of("a_total"), 9000): 5000}


def test_a_sample_limit_stops_the_whole_scrape() -> None:
    bench = Bench(limits=SeriesLimits(sample_limit=1))
    with pytest.raises(LimitError, match="sample_limit of 1 exceeded: 2"):
        bench.scrape("a 1\nb 2\n", 1)
    assert not bench.store.rows


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (SeriesLimits(label_limit=1), "label_limit"),
        (SeriesLimits(label_name_length_limit=8), "label_name_length_limit"),
        (SeriesLimits(label_value_length_limit=3), "label_value_length_limit"),
    ],
)
def test_label_limits_name_themselves(limits: SeriesLimits, told: str) -> None:
    bench = Bench(limits=limits)
    with pytest.raises(LimitError, match=told):
        bench.scrape('a{long_name="long value"} 1\n', 1)


def test_a_full_store_keeps_the_known_series_of_a_target() -> None:
    bench = Bench(max_series=6)
    bench.scrape("a 1\n", 1)
    bench.scrape("a 2\nb 2\n", 2)
    assert bench.refused("series_limit") == 1
    bench.store.max_series = 7
    bench.scrape("a 3\nb 3\n", 3)
    assert bench.store.values("a") == [1, 2, 3]
    assert bench.store.values("b") == [3]
    assert bench.store.values("up") == [1, 1, 1]


def test_metadata_reaches_the_store() -> None:
    bench = Bench()
    bench.scrape("# TYPE a counter\n# HELP a Things.\na 1\n", 1)
    assert bench.store.families["a"].help == "Things."
