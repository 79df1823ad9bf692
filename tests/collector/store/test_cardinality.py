from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from collector.model.clock import ManualClock
from collector.model.histogram_columns import columns
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.store.cardinality import Cardinality, cardinality
from collector.store.tsdb import Tsdb


def counted(series: Sequence[Labels], limit: int) -> Cardinality:
    by_label: dict[str, Counter[str]] = {}
    for labels in series:
        for name, value in labels.pairs:
            by_label.setdefault(name, Counter())[value] += 1
    return cardinality(len(series), by_label, limit)


def test_the_largest_come_first_and_equal_ones_by_name() -> None:
    series = [Labels.of("up", job=job) for job in "bca"] + [Labels.of("down", job="a", path="/ü")]
    found = counted(series, 2)
    assert (found.series, found.label_pairs) == (4, 6)
    assert found.series_by_metric == (("up", 3), ("down", 1))
    assert found.values_by_label == (("job", 3), ("__name__", 2))
    assert found.bytes_by_label == (("__name__", 6), ("job", 3))
    assert found.series_by_pair == (("__name__=up", 3), ("job=a", 2))
    assert len(counted(series, 100).series_by_pair) == 6
    assert ("path", 3) in counted(series, 100).bytes_by_label


def test_the_columns_of_a_histogram_are_not_labels_of_its_own() -> None:
    histogram = NativeHistogram(0, 3.0, 4.5, 0.0, 0.0, ((1, 3.0),))
    series = [labels for labels, _ in columns(Labels.of("latency"), histogram)]
    found = counted(series, 10)
    assert found.series == len(series)
    assert [name for name, _ in found.values_by_label] == ["__name__"]


def test_an_empty_store_has_nothing() -> None:
    assert cardinality(0, {}, 10).series_by_metric == ()


def test_the_index_counts_living_series(tmp_path: Path) -> None:
    store = Tsdb.open(tmp_path, ManualClock(1_700_000_000_000))
    store.refs("s", [Labels.of("up", job=job) for job in "ab"] + [Labels.of("down", job="a")])
    assert store.series_by_label() == {
        "__name__": {"up": 2, "down": 1},
        "job": {"a": 2, "b": 1},
    }
    store.close()
