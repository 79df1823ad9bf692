"""What a request says is what the store holds, whatever came before."""

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from collector.ingest.formats import remote_write
from collector.ingest.formats.remote_write_messages import V2
from collector.ingest.remote_writer import Outcome, RemoteWriter
from collector.ingest.write import SampleWriter
from collector.model.clock import ManualClock
from collector.model.histogram_columns import COMPONENT, assembled
from collector.model.histograms import NativeHistogram, ResetHint
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import STALE, filled
from collector.self_metrics import IngestMetrics
from tests.oracles.recording_appender import STALE_TEXT, RecordingAppender
from tests.oracles.remote_write_requests import Series, encode, samples_of

NOW_MS = 1_700_000_000_000
VERSIONS = st.sampled_from([1, 2])


class Bench:
    def __init__(self, max_series: int = 1000) -> None:
        self.store = RecordingAppender(max_series)
        self.registry = CollectorRegistry()
        writer = SampleWriter(
            self.store, IngestMetrics(self.registry), "remote_write", ManualClock(NOW_MS)
        )
        self.writer = RemoteWriter(writer)

    def write(self, version: int, *series: Series) -> Outcome:
        raw = np.frombuffer(encode(version, series), dtype=np.uint8)
        return self.writer.write(remote_write.scan(raw, version))

    def counted(self, reason: str) -> float:
        labels = {"origin": "remote_write", "reason": reason}
        return self.registry.get_sample_value("tocsin_ingest_samples_refused_total", labels) or 0

    def histograms(self, name: str) -> list:
        """Every sample of the one histogram series of this name, by time."""
        columns = {
            labels.get(COMPONENT, ""): dict(self.store.of(labels))
            for labels in self.store.labels
            if labels.metric_name == name and labels.get(COMPONENT)
        }
        times = sorted({time for column in columns.values() for time in column})
        cells = filled((len(columns), len(times)))
        for i, column in enumerate(columns.values()):
            for j, time in enumerate(times):
                if time in column:
                    value = column[time]
                    cells[i, j] = STALE if value == STALE_TEXT else value
        return assembled(list(columns), cells)


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    for version in (1, 2):
        Bench().write(version, Series({"__name__": "x"}, [(1, 1.0, 0)]))


LABELS = st.fixed_dictionaries(
    {"__name__": st.sampled_from(["a", "b", "c"])},
    optional={
        "job": st.sampled_from(["x", "y"]),
        "instance": st.sampled_from(["1", "2"]),
        "z": st.sampled_from(["", "v"]),
    },
)
SAMPLES = st.lists(st.tuples(st.integers(1, 6), st.floats(allow_nan=False), st.just(0)), max_size=3)
REQUESTS = st.lists(st.lists(st.builds(Series, LABELS, SAMPLES), max_size=5), max_size=4)


@settings(deadline=None)
@given(VERSIONS, REQUESTS)
def test_the_store_holds_the_first_sample_of_each_series_and_time(
    version: int, requests: list[list[Series]]
) -> None:
    bench = Bench()
    expected: dict[tuple[Labels, int], float] = {}
    stored = refused = sent = 0
    for series in requests:
        outcome = bench.write(version, *series)
        stored += outcome.samples
        refused += sum(outcome.refused.values())
        sent += sum(len(one.samples) for one in series)
        for key, value in samples_of(series, version).items():
            expected.setdefault(key, value)
    held = {
        (labels, time): value
        for labels in bench.store.labels
        for time, value in bench.store.of(labels)
    }
    assert held == expected
    assert (stored, stored + refused) == (len(expected), sent)


def test_series_of_one_target_are_one_source_and_a_known_row_is_the_same_array() -> None:
    bench = Bench()
    names = [Labels.of("m", job="j", instance="i", n=str(n)) for n in range(3)]
    for second in range(2):
        bench.write(1, *(Series(dict(one.pairs), [(1000 + second, 1.0, 0)]) for one in names))
    first, second = bench.store.rows
    assert first.source == second.source == "remote_write/j/i"
    assert second.refs is first.refs


def test_a_target_that_is_cut_at_changing_places_is_stored_whole() -> None:
    bench = Bench()
    names = [Labels.of("m", n=str(n)) for n in range(10)]
    for second, cut in enumerate((3, 7, 5)):
        for part in (names[:cut], names[cut:]):
            bench.write(2, *(Series(dict(one.pairs), [(1000 + second, 1.0, 0)]) for one in part))
    assert all(len(bench.store.of(one)) == 3 for one in names)


@pytest.mark.parametrize("version", [1, 2])
def test_a_bad_series_is_told_and_the_others_are_stored(version: int) -> None:
    bench = Bench()
    for _ in range(2):
        outcome = bench.write(
            version,
            Series({"a": "b"}, [(1, 1.0, 0), (2, 1.0, 0)]),
            Series({"__name__": "x"}, [(NOW_MS, 2.0, 0)]),
        )
        assert outcome.refused["bad_labels"] == 2
        assert "without a metric name" in outcome.message()
    assert bench.store.values("x") == [2.0]
    assert bench.counted("bad_labels") == 4


@pytest.mark.parametrize("spoil", ["label", "help", "exemplar"])
def test_a_number_of_no_symbol_costs_what_it_is_in(spoil: str) -> None:
    """The symbols of 2.0 are a table that the sender may get wrong; others are stored."""
    bench, request = Bench(), V2["Request"](symbols=["", "__name__", "spoilt", "good", "id"])
    for name in (2, 3):
        series = request.timeseries.add(labels_refs=[1, name])
        series.samples.add(value=1, timestamp=NOW_MS)
        series.exemplars.add(labels_refs=[4, 3], value=1, timestamp=NOW_MS)
    spoilt = request.timeseries[0]
    if spoil == "label":
        spoilt.labels_refs.extend([4, 999])
    elif spoil == "help":
        spoilt.metadata.help_ref = 999
    else:
        spoilt.exemplars.add(labels_refs=[999, 4], value=1, timestamp=NOW_MS + 1)
    raw = np.frombuffer(request.SerializeToString(), dtype=np.uint8)
    for _ in range(2):
        outcome = bench.writer.write(remote_write.scan(raw, 2))
        assert outcome.refused["bad_labels"] + outcome.refused["bad_exemplar"] == 1
        assert "there is no symbol 999" in outcome.message()
    assert bench.store.values("good") == [1.0]
    assert len(bench.store.exemplars) >= 1
    assert bench.store.values("spoilt") == ([1.0] if spoil == "exemplar" else [])


def test_a_bad_histogram_costs_no_other_of_its_series() -> None:
    bench = Bench()
    bad = {**WHOLE, "timestamp": 2000, "schema": 77}
    short = {**WHOLE, "timestamp": 3000, "count_int": 9}
    last = {**WHOLE, "timestamp": 4000}
    outcome = bench.write(2, Series({"__name__": "h"}, histograms=[WHOLE, bad, short, last]))
    assert (outcome.histograms, outcome.refused["bad_histogram"]) == (2, 2)
    assert "don't add up to its 9 observations" in outcome.message()
    assert len(bench.histograms("h")) == 2
    assert bench.counted("bad_histogram") == 2


def test_observations_of_nan_are_in_no_bucket() -> None:
    bench = Bench()
    some = {**WHOLE, "count_int": 12, "sum": math.nan}
    assert bench.write(1, Series({"__name__": "h"}, histograms=[some])).histograms == 1
    many = {**some, "count_int": 9, "timestamp": 2000}
    assert bench.write(1, Series({"__name__": "h"}, histograms=[many])).histograms == 0


def test_a_sample_far_ahead_is_refused_by_its_name() -> None:
    bench = Bench()
    outcome = bench.write(1, Series({"__name__": "x"}, [(NOW_MS + 700_000, 1.0, 0)]))
    assert outcome.refused == {"too_far_in_the_future": 1}
    assert bench.counted("too_far_in_the_future") == 1
    assert outcome.samples == 0


def test_series_without_room_are_counted_and_asked_again() -> None:
    bench = Bench(max_series=1)
    one, other = (Series({"__name__": name}, [(1, 1.0, 0)]) for name in "ab")
    assert bench.write(1, one, other).refused == {"series_limit": 1}
    assert bench.counted("series_limit") == 1
    bench.store.max_series = 2
    assert not bench.write(1, other).refused
    assert bench.store.values("b") == [1.0]


def test_start_times_reach_the_store() -> None:
    bench = Bench()
    bench.write(2, Series({"__name__": "x_total"}, [(1000, 1.0, 400)]))
    assert bench.store.start_ms == {(Labels.of("x_total"), 1000): 400}


def test_exemplars_and_metadata_reach_the_store() -> None:
    for version in (1, 2):
        bench = Bench()
        outcome = bench.write(
            version,
            Series(
                {"__name__": "x_total"},
                [(1000, 1.0, 0)],
                [({"trace_id": "abc"}, 0.5, 900)],
                kind="counter",
                help="Help.",
            ),
        )
        assert outcome.exemplars == 1
        (found,) = bench.store.exemplars
        assert (found.series, found.labels) == (Labels.of("x_total"), Labels({"trace_id": "abc"}))
        assert (found.value, found.timestamp_ms) == (0.5, 900)
        assert bench.store.families == {"x_total": Metadata("counter", "Help.")}


WHOLE: Mapping[str, object] = {
    "count_int": 10,
    "sum": 12.5,
    "schema": 3,
    "zero_threshold": 0.001,
    "zero_count_int": 1,
    "positive_spans": [(-2, 2), (3, 1)],
    "positive_deltas": [1, 2, -1],
    "negative_spans": [(0, 1)],
    "negative_deltas": [3],
    "timestamp": 1000,
}
FLOAT = {
    "count_float": 2.5,
    "sum": 1.0,
    "schema": -4,
    "positive_spans": [(7, 1)],
    "positive_counts": [2.5],
    "reset_hint": 3,
    "timestamp": 1000,
}
CUSTOM = {
    "count_int": 5,
    "sum": 9.0,
    "schema": -53,
    "custom_values": [0.25, 1.0],
    "positive_spans": [(0, 1), (1, 1)],
    "positive_deltas": [2, 1],
    "timestamp": 1000,
}


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            WHOLE,
            NativeHistogram(
                3, 10.0, 12.5, 0.001, 1.0, ((-2, 1.0), (-1, 3.0), (3, 2.0)), ((0, 3.0),)
            ),
        ),
        (
            FLOAT,
            NativeHistogram(-4, 2.5, 1.0, positive=((7, 2.5),), reset_hint=ResetHint.GAUGE),
        ),
        (
            CUSTOM,
            NativeHistogram(
                -53, 5.0, 9.0, positive=((0, 2.0), (2, 3.0)), custom_values=(0.25, 1.0)
            ),
        ),
    ],
    ids=["whole", "float gauge", "custom"],
)
def test_native_histograms_are_stored_as_columns(
    version: int, fields: dict, expected: NativeHistogram
) -> None:
    bench = Bench()
    outcome = bench.write(version, Series({"__name__": "h"}, histograms=[fields]))
    assert (outcome.histograms, outcome.samples, dict(outcome.refused)) == (1, 0, {})
    assert bench.histograms("h") == [expected]
    assert Labels.of("h") not in bench.store.labels, "a histogram has no column without component"


def test_a_stale_histogram_ends_every_column() -> None:
    bench = Bench()
    bench.write(1, Series({"__name__": "h"}, histograms=[WHOLE]))
    bench.write(1, Series({"__name__": "h"}, histograms=[{"sum": STALE, "timestamp": 2000}]))
    last = [bench.store.of(labels)[-1] for labels in bench.store.labels]
    assert last == [(2000, STALE_TEXT)] * len(last)
    assert math.isnan(bench.histograms("h")[1])


def test_a_series_may_have_histograms_first_and_floats_later() -> None:
    bench = Bench()
    bench.write(1, Series({"__name__": "h"}, histograms=[WHOLE]))
    assert not bench.write(1, Series({"__name__": "h"}, [(2000, 1.0, 0)])).refused
    assert bench.store.of(Labels.of("h")) == [(2000, 1.0)]


@pytest.mark.parametrize(
    "broken",
    [
        {"positive_deltas": [1]},
        {"positive_deltas": [1, -5, 9]},
        {"schema": 9},
        {"positive_spans": [(0, 2), (-1, 1)]},
        {"custom_values": [1.0]},
        {"positive_spans": [(0, 2**31), (0, 1)]},
    ],
)
def test_a_broken_histogram_is_told_and_the_rest_stored(broken: dict) -> None:
    bench = Bench()
    outcome = bench.write(
        2,
        Series({"__name__": "h"}, histograms=[{**WHOLE, **broken}]),
        Series({"__name__": "x"}, [(1, 1.0, 0)]),
    )
    assert outcome.refused == {"bad_histogram": 1}
    assert (outcome.histograms, outcome.samples) == (0, 1)


def test_a_histogram_twice_is_refused_once() -> None:
    bench = Bench()
    for expected in ((1, {}), (0, {"duplicate": 1})):
        outcome = bench.write(1, Series({"__name__": "h"}, histograms=[WHOLE]))
        assert (outcome.histograms, dict(outcome.refused)) == expected
