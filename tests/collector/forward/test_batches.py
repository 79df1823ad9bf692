"""What an endpoint is sent of each row."""

import numpy as np

from collector.forward.batches import Batcher, Choice, shard_count, sharded
from collector.forward.journal_reader import JournalRow, Layout
from collector.ingest.formats.remote_write_encoder import Item, Series
from collector.ingest.relabel import Rule, compile_rules
from collector.model.exemplar import Exemplar
from collector.model.histogram_columns import columns
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.model.samples import MISSING, STALE, filled

KEEP = compile_rules([])
HISTOGRAM = NativeHistogram(3, 4.0, 2.0, 0.001, 1.0, ((1, 3.0),))


def row(at_ms: int, cells: list[tuple[Labels, float]]) -> JournalRow:
    values = filled(len(cells))
    for i, (_, value) in enumerate(cells):
        values[i] = value
    return JournalRow(Layout([labels for labels, _ in cells]), at_ms, values, None)


def told(items: list[Item]) -> list[tuple[Labels, int, object]]:
    return [(item.series.labels, item.timestamp_ms, item.value) for item in items]


def test_external_labels_are_added_and_do_not_win() -> None:
    batcher = Batcher(Choice(KEEP, {"region": "eu", "job": "other"}))
    found = batcher.items(row(5, [(Labels.of("x", job="j"), 1.0)]), 5)
    assert told(found) == [(Labels.of("x", job="j", region="eu"), 5, 1.0)]


def test_relabelling_drops_and_renames() -> None:
    rules = [
        Rule("drop", ("__name__",), regex="secret.*"),
        Rule("replace", (), target_label="team", replacement="sre"),
    ]
    batcher = Batcher(Choice(compile_rules(rules)))
    cells = [(Labels.of("secret_x"), 1.0), (Labels.of("y"), 2.0)]
    assert told(batcher.items(row(5, cells), 5)) == [(Labels.of("y", team="sre"), 5, 2.0)]


def test_missing_cells_are_no_samples_and_stale_ones_are() -> None:
    cells = [(Labels.of("a"), MISSING), (Labels.of("b"), STALE)]
    (item,) = Batcher(Choice(KEEP)).items(row(5, cells), 5)
    assert item.series.labels == Labels.of("b")
    assert np.array([item.value]).view(np.int64)[0] == np.array([STALE]).view(np.int64)[0]


def test_columns_of_a_histogram_are_one_item() -> None:
    cells = [*columns(Labels.of("h", job="j"), HISTOGRAM), (Labels.of("x"), 1.0)]
    batcher = Batcher(Choice(KEEP, {"region": "eu"}, histograms=True))
    found = batcher.items(row(5, cells), 5)
    assert told(found) == [
        (Labels.of("x", region="eu"), 5, 1.0),
        (Labels.of("h", job="j", region="eu"), 5, HISTOGRAM),
    ]


def test_histograms_that_are_not_wanted_are_counted() -> None:
    batcher = Batcher(Choice(KEEP))
    assert batcher.items(row(5, columns(Labels.of("h"), HISTOGRAM)), 5) == []
    assert batcher.left_out == {"native_histogram": 1}


def test_exemplars_are_sent_only_when_asked_for() -> None:
    exemplar = Exemplar(Labels.of("x"), Labels({"trace_id": "t"}), 1.0, 5)
    assert Batcher(Choice(KEEP)).items([exemplar], 5) == []
    (item,) = Batcher(Choice(KEEP, exemplars=True)).items([exemplar], 5)
    assert item.value == exemplar


def test_samples_over_the_age_limit_are_counted_and_left_out() -> None:
    batcher = Batcher(Choice(KEEP, age_limit_ms=100))
    assert batcher.items(row(5, [(Labels.of("x"), 1.0)]), 200) == []
    assert batcher.left_out == {"too_old": 1}


def test_a_series_stays_in_one_shard_in_its_order() -> None:
    series = [Series(Labels.of("x", n=str(n)), n * 7) for n in range(20)]
    items = [Item(one, at_ms, 1.0) for at_ms in range(10) for one in series]
    shards = sharded(items, 4, 7)
    home: dict[Labels, set[int]] = {}
    for number, requests in enumerate(shards):
        times: dict[Labels, list[int]] = {}
        for item in (item for request in requests for item in request):
            home.setdefault(item.series.labels, set()).add(number)
            times.setdefault(item.series.labels, []).append(item.timestamp_ms)
        assert all(found == list(range(10)) for found in times.values())
        assert all(len(request) <= 7 for request in requests)
    assert all(len(numbers) == 1 for numbers in home.values())
    assert len(home) == 20


def test_shards_grow_with_what_is_pending_within_their_bounds() -> None:
    assert [shard_count(n, 100, 1, 5) for n in (0, 100, 101, 10_000)] == [1, 1, 2, 5]
    assert shard_count(0, 100, 3, 5) == 3
