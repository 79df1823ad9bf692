"""Rows, staleness and limits of one target, without network or clock."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from collector.ingest.admission import RETRY_MS, Admission
from collector.ingest.formats.openmetrics import OpenMetricsParser
from collector.ingest.formats.text import TextParser
from collector.ingest.limits import SeriesLimits
from collector.ingest.relabel import Rule, compile_rules
from collector.ingest.scrape.page_writer import PageWriter
from collector.ingest.scrape.report import Extras
from collector.ingest.series_gate import Guards, SeriesGate
from collector.ingest.write import SampleWriter
from collector.model.clock import ManualClock
from collector.model.errors import LimitError
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.self_metrics import IngestMetrics
from collector.store.tsdb import Tsdb
from tests.oracles.recording_appender import RecordingAppender

TARGET = Labels({"job": "j"})
SOURCE = "scrape/j"


class Bench:
    """A target's writer on a store that one can ask."""

    def __init__(
        self,
        *rules: Rule,
        limits: SeriesLimits | None = None,
        max_series: int = 1000,
        honor_timestamps: bool = True,
        track_timestamps: bool = False,
        extras: Extras | None = None,
        guards: Guards | None = None,
    ) -> None:
        self.registry = CollectorRegistry()
        self.store = RecordingAppender(max_series)
        self.clock = ManualClock(1_000_000)
        metrics = IngestMetrics(self.registry)
        writer = SampleWriter(self.store, metrics, "scrape", self.clock, self._gate(guards))
        admission = Admission(SOURCE, compile_rules(rules), limits or SeriesLimits(), writer)
        self.parser = TextParser()
        self.pages = PageWriter(
            SOURCE,
            TARGET,
            admission,
            writer,
            honor_timestamps=honor_timestamps,
            track_timestamps=track_timestamps,
            extras=extras,
        )
        self.admission = admission

    def _gate(self, guards: Guards | None) -> SeriesGate:
        return SeriesGate(self.store, guards, self.clock)

    def scrape(self, text: str, time: int) -> None:
        self.pages.write(self.parser.parse(text.encode()), time, 0.25)

    def refused(self, reason: str) -> float:
        labels = {"origin": "scrape", "reason": reason}
        return self.registry.get_sample_value("tocsin_ingest_samples_refused_total", labels) or 0


def test_relabelling_cant_make_a_part_of_a_histogram() -> None:
    bench = Bench(Rule(action="labelmap", regex="x(.*)"))
    bench.scrape('a{x__histogram__="count"} 1\n', 1000)
    assert bench.store.values("a", exported___histogram__="count", x__histogram__="count") == [1.0]


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


def test_what_a_target_counted_before_it_could_be_read_is_not_new(tmp_path: Path) -> None:
    clock = ManualClock(1_000_000)
    store = Tsdb.open(tmp_path, clock)
    writer = SampleWriter(store, IngestMetrics(CollectorRegistry()), "scrape", clock)
    admission = Admission(SOURCE, compile_rules([]), SeriesLimits(), writer)
    pages, parser = PageWriter(SOURCE, TARGET, admission, writer), TextParser()

    def total(name: str) -> float:
        ref = store.match([Matcher("=", "__name__", name)])
        return float(store.counter_totals(ref).total[0])

    pages.fail(100_000, 0.5)
    pages.write(parser.parse(b"old_total 5000\n"), 110_000, 0.1)
    assert total("old_total") == 0
    pages.write(parser.parse(b"old_total 5001\nborn_total 3\n"), 120_000, 0.1)
    pages.fail(130_000, 0.5)
    pages.write(parser.parse(b"old_total 5004\nborn_total 3\nlater_total 2\n"), 140_000, 0.1)
    assert [total(name) for name in ("old_total", "born_total", "later_total")] == [4, 3, 2]
    up = store.select([Matcher("=", "__name__", "up")], 0, 200_000)
    assert [values.tolist() for one in up for values in one.values] == [[0, 1, 1, 0, 1]]
    store.close()


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
    admission = Admission(SOURCE, compile_rules([]), SeriesLimits(), writer)
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


def test_samples_of_one_series_at_times_of_their_own_are_all_kept() -> None:
    bench = Bench()
    bench.scrape("a 1 400\nb 2\na 2 500\na 3\nb 4\n", 1000)
    assert bench.store.samples("a") == [(400, 1.0), (500, 2.0)]
    assert bench.store.samples("b") == [(1000, 2.0)]
    assert bench.refused("duplicate_in_scrape") == 2


def test_a_time_that_no_clock_shows_costs_its_sample_alone() -> None:
    bench = Bench()
    bench.scrape("a 1 1795292049320000000\nb 2\n", 1000)
    assert bench.store.values("b") == [2]
    assert bench.store.values("a") == []
    assert bench.refused("too_far_in_the_future") == 1


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
    assert "1 (series_limit)" in bench.pages.warning()
    bench.store.max_series = 7
    bench.scrape("a 3\nb 3\n", 3)
    assert bench.store.values("b") == []
    bench.clock.advance(RETRY_MS)
    bench.scrape("a 4\nb 4\n", 4)
    assert bench.store.values("a") == [1, 2, 3, 4]
    assert bench.store.values("b") == [4]
    assert bench.store.values("up") == [1, 1, 1, 1]
    assert bench.pages.warning() == ""


def test_metadata_reaches_the_store() -> None:
    bench = Bench()
    bench.scrape("# TYPE a counter\n# HELP a Things.\na 1\n", 1)
    assert bench.store.families["a"].help == "Things."


def test_a_target_over_its_series_keeps_those_before_and_says_so() -> None:
    bench = Bench(guards=Guards(series_per_target=7))
    bench.scrape("a 1\n", 1)
    assert bench.store.values("up") == [1]
    bench.scrape("a 2\nb 2\nc 2\n", 2)
    bench.scrape("a 3\nb 3\nc 3\n", 3)
    assert bench.store.values("a") == [1, 2, 3]
    assert bench.store.values("b") == [2, 3]
    assert bench.store.values("c") == []
    assert bench.store.values("up") == [1, 1, 1]
    assert bench.refused("target_series_limit") == 2
    assert "1 (target_series_limit)" in bench.pages.warning()


def test_values_past_a_label_s_limit_are_added_up_in_one_series() -> None:
    bench = Bench(guards=Guards(values_per_label=20))
    for count in (10, 40, 40):
        lines = [f'hits{{user="{k}"}} {k}\n' for k in range(count)]
        bench.scrape("".join(lines), count + len(bench.store.rows))
    values = bench.store.values("hits", user="__overflow__")
    stored = sum(
        bench.store.of(labels)[-1][1]
        for labels in bench.store.labels
        if labels.metric_name == "hits" and labels["user"] != "__overflow__"
    )
    assert values[0] + stored == sum(range(40))
    assert values[0] == values[1]
    assert len([one for one in bench.store.labels if one.metric_name == "hits"]) <= 23
    assert bench.refused("duplicate_in_scrape") == 0


def test_a_series_that_its_own_time_was_given_goes_stale_where_that_is_asked_for() -> None:
    bench = Bench(track_timestamps=True)
    bench.scrape("a 1 500\nb 2\n", 1000)
    bench.scrape("b 2\n", 2000)
    assert bench.store.samples("a") == [(500, 1.0), (2000, "stale")]


def test_extra_figures_are_told_where_they_are_asked_for() -> None:
    bench = Bench(extras=Extras(2.5, 7))
    bench.pages.write(bench.parser.parse(b"a 1\n"), 1, 0.1, 4)
    bench.pages.fail(2, 0.1, body_bytes=-1)
    assert bench.store.values("scrape_timeout_seconds") == [2.5, 2.5]
    assert bench.store.values("scrape_sample_limit") == [7, 7]
    assert bench.store.values("scrape_body_size_bytes") == [4, -1]


def test_series_added_counts_what_the_last_good_scrape_lacked() -> None:
    bench = Bench()
    bench.scrape("a 1\nb 1\n", 1)
    bench.pages.fail(2, 0.1)
    bench.scrape("a 1\nb 1\nc 1\n", 3)
    bench.scrape("", 4)
    bench.scrape("a 1\n", 5)
    bench.scrape("b 1\n", 6)
    assert bench.store.values("scrape_series_added") == [2, 0, 1, 0, 0, 1]


def test_a_page_over_its_sample_limit_makes_no_series_and_is_counted_in_full() -> None:
    bench = Bench(limits=SeriesLimits(sample_limit=2))
    for time in (1, 2):
        page = bench.parser.parse(b"a 1\nb 2\nc 3\n")
        with pytest.raises(LimitError):
            bench.pages.write(page, time, 0.1)
        assert not {"a", "b", "c"} & {labels.metric_name for labels in bench.store.labels}
        bench.pages.fail(time, 0.1, bench.admission.partial(page.layout))
    assert bench.store.values("scrape_samples_scraped") == [3, 3]
    assert bench.store.values("scrape_samples_post_metric_relabeling") == [3, 3]
    assert bench.store.values("scrape_series_added") == [2, 0]


def test_what_is_said_of_a_target_is_stored_however_full_it_is() -> None:
    bench = Bench(guards=Guards(series_per_target=2))
    bench.scrape("".join(f"m{k} 1\n" for k in range(10)), 1)
    assert bench.store.values("up") == [1]
    assert bench.store.values("scrape_samples_scraped") == [10]
    assert bench.refused("target_series_limit") == 10
