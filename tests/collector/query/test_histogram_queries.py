"""Native histograms in queries, beyond what Prometheus's scripts ask."""

import importlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from collector.api.json_values import value_json
from collector.model.errors import QueryError
from collector.model.histogram_columns import COMPONENT
from collector.model.histograms import CUSTOM_BUCKETS, NativeHistogram
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import STALE
from collector.query.engine import Engine, EngineOptions
from collector.query.positions import picture_of
from collector.query.series_hash import series_hash, xxh64
from collector.query.values import Matrix, RawSeries, Vector
from collector.store.interface import Slice

memory_store = importlib.import_module("tests.oracles.memory_store")
promqltest = importlib.import_module("tests.oracles.promqltest")

H = Labels.of("h", job="x")
ONE = NativeHistogram(0, 3.0, 4.5, 0.5, 1.0, ((1, 1.0),), ((1, 1.0),))
TWO = NativeHistogram(0, 6.0, 9.0, 0.5, 2.0, ((1, 2.0),), ((1, 2.0),))


class SplitStore(memory_store.MemoryStore):  # type: ignore[misc,name-defined]
    """Gives every series in a slice of its own, as a store may."""

    def select(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Slice]:
        found = []
        for part in super().select(matchers, after_ms, until_ms):
            for row, labels in enumerate(part.labels):
                there = part.values[row].view(np.int64) != np.int64(0x7FF0_0000_0000_0003)
                values = np.ascontiguousarray(part.values[row : row + 1, there])
                stamps = part.timestamps_ms[there]
                found.append(Slice([labels], part.refs[row : row + 1], stamps, values))
        return found


def _store(store=None):
    store = memory_store.MemoryStore() if store is None else store
    store.add_histograms(H, [0, 60_000], [ONE, TWO])
    return store


def test_columns_of_one_series_meet_wherever_the_store_keeps_them() -> None:
    store = _store(SplitStore())
    store.add(H, [120_000], [7.0])
    value = Engine(store).range("h", 0, 120_000, 60_000).value
    assert isinstance(value, Matrix)
    assert value.labels == [H]
    assert value.histograms is not None
    assert list(value.histograms[0]) == [ONE, TWO, None]
    assert value.values[0, 2] == 7.0


def test_a_stale_marker_ends_a_series_of_histograms() -> None:
    store = _store()
    store.add(H.merged({COMPONENT: "count"}), [120_000], [STALE])
    assert Engine(store).instant("h", 90_000).value.labels == [H]
    assert Engine(store).instant("h", 150_000).value.labels == []
    raw = Engine(store).instant("h[5m]", 150_000).value
    assert isinstance(raw, RawSeries)
    assert raw.histograms == [((0, ONE), (60_000, TWO))]


def test_a_histogram_beside_a_stale_marker_of_its_floats_counts() -> None:
    store = memory_store.MemoryStore()
    store.add(H, [0, 60_000], [1.0, STALE])
    store.add_histograms(H, [60_000], [ONE])
    value = Engine(store).instant("h", 60_000).value
    assert isinstance(value, Vector)
    assert value.histograms is not None
    assert value.histograms[0] == ONE


def test_nobody_is_shown_the_columns() -> None:
    engine = Engine(_store())
    everything = [[Matcher("!=", "__name__", "")]]
    assert engine.series(everything, 0, 60_000) == [H]
    assert engine.label_names([], 0, 60_000) == ["__name__", "job"]
    assert engine.label_values(COMPONENT, [], 0, 60_000) == []
    assert engine.label_values("job", [], 0, 60_000) == ["x"]


def test_json_is_as_prometheus_writes_it() -> None:
    engine = Engine(_store())
    buckets = [[1, "-2", "-1", "1"], [3, "-0.5", "0.5", "1"], [0, "1", "2", "1"]]
    shown = {"count": "3", "sum": "4.5", "buckets": buckets}
    metric = {"__name__": "h", "job": "x"}
    vector = json.loads(value_json(engine.instant("h", 0).value))
    assert vector["result"] == [{"metric": metric, "histogram": [0, shown]}]
    matrix = json.loads(value_json(engine.range("h", 0, 0, 1000).value))
    assert matrix["result"] == [{"metric": metric, "histograms": [[0, shown]]}]
    raw = json.loads(value_json(engine.instant("h[1m]", 30_000).value))
    assert raw["result"] == [{"metric": metric, "histograms": [[0, shown]]}]


def test_json_of_a_series_that_is_both() -> None:
    store = _store()
    store.add(H, [120_000], [7.0])
    (series,) = json.loads(value_json(Engine(store).range("h", 60_000, 120_000, 60_000).value))[
        "result"
    ]
    assert series["values"] == [[120, "7"]]
    assert [time for time, _ in series["histograms"]] == [60]


def test_json_of_custom_buckets() -> None:
    store = memory_store.MemoryStore()
    custom = NativeHistogram(
        CUSTOM_BUCKETS, 3.0, 2.0, positive=((0, 1.0), (2, 2.0)), custom_values=(0.5, 1.0)
    )
    store.add_histograms(H, [0], [custom])
    (series,) = json.loads(value_json(Engine(store).instant("h", 0).value))["result"]
    assert series["histogram"][1]["buckets"] == [[3, "-Inf", "0.5", "1"], [0, "1", "+Inf", "2"]]


def test_start_timestamps_are_used_where_that_is_wanted() -> None:
    store = memory_store.MemoryStore()
    counter = Labels.of("c_total")
    store.add(counter, [60_000, 120_000], [5.0, 5.0])
    store.began(counter, [60_000, 120_000], [30_000, 90_000])
    without = Engine(store).instant("increase(c_total[2m])", 120_000).value
    assert without.values.tolist() == [0.0]
    options = EngineOptions(start_timestamps=True)
    with_them = Engine(store, options).instant("increase(c_total[2m])", 120_000).value
    assert with_them.values.tolist() == [10.0]
    assert Engine(store).instant("start_timestamp(c_total)", 120_000).value.labels == []


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("h {{count:4 sum:4.5}}", "is"),
        ("h 1", "is"),
        ("h {{count:3 sum:4.5 z_bucket:1 z_bucket_w:0.5 buckets:[0 1]}}", "is"),
        ("expect warn\nh {{count:3 sum:4.5}}", "warn expected"),
        ("expect fail", "an error was expected"),
        ("", "unexpected"),
    ],
)
def test_the_runner_of_scripts_sees_a_wrong_answer(tmp_path: Path, lines: str, says: str) -> None:
    script = tmp_path / "wrong.test"
    script.write_text(f"load 1m\nh {{{{count:3 sum:4.5}}}}\n\neval instant at 0 h\n{lines}\n")
    passed, failures = promqltest.run_script(script)
    assert passed == 0
    assert says in failures[0][1]


def test_the_runner_of_scripts_knows_reset_hints(tmp_path: Path) -> None:
    script = tmp_path / "hint.test"
    lines = "h {{count:1}} {{count:2}}\n\neval instant at 1m h\nh {{count:2 counter_reset_hint:%s}}"
    for hint, expected in (("not_reset", 1), ("unknown", 0)):
        script.write_text(f"load 1m\n{lines % hint}\n")
        assert promqltest.run_script(script)[0] == expected


def test_the_hash_of_limit_ratio_is_xxh64() -> None:
    assert xxh64(b"") == 0xEF46DB3751D8E999
    assert xxh64(b"a") == 0xD24EC4F1A98C6E5B
    assert xxh64(b"Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1
    assert series_hash(Labels.of("a")) == xxh64(b"\x08__name__\x01a")


@pytest.mark.parametrize(
    ("query", "picture"),
    [
        ("sum(up{job=})", "sum(up{job=})\n           ^"),
        ("up[0s]", "up[0s]\n   ^"),
        ("up offset\n  bad", "  bad\n  ^"),
    ],
)
def test_an_error_shows_its_place_with_a_caret(query: str, picture: str) -> None:
    with pytest.raises(QueryError) as raised:
        Engine(memory_store.MemoryStore()).instant(query, 0)
    assert raised.value.picture == picture
    assert picture_of(query, raised.value.message) == picture
