"""What is deleted is gone from every answer, at once and after a start; what comes later is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from collector.model import Labels, ManualClock, Matcher
from collector.model.errors import StorageError
from collector.model.histogram_columns import COMPONENT
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb

SPAN_MS = 10_000
OPTIONS = StoreOptions(head_ms=SPAN_MS, block_spans_ms=(3 * SPAN_MS,))
A, B = Labels.of("a"), Labels.of("b")
EVERYTHING = [Matcher("=~", "__name__", ".+")]
ONLY_A = [Matcher("=", "__name__", "a")]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(0)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Tsdb]:
    store = Tsdb.open(tmp_path, clock, OPTIONS)
    refs = store.refs("s", [A, B])
    for row in range(60):
        store.append_row("s", row * 1000, refs, np.array([row, -row], np.float64))
        clock.advance(1000)
        store.maintain()
    yield store
    store.close()


def present_seconds(store: Tsdb, name: str) -> set[int]:
    return {
        at // 1000
        for one in store.select([Matcher("=", "__name__", name)], -1, 2**62)
        for at, value in zip(one.timestamps_ms.tolist(), one.values[0].tolist(), strict=True)
        if value == value
    }


def test_both_ends_belong_to_the_range_and_blocks_and_memory_are_treated_alike(store: Tsdb) -> None:
    assert store.status().blocks > 2
    assert store.delete(ONLY_A, 5_000, 7_000) == 1
    assert store.delete(ONLY_A, 55_000, 56_000) == 1
    assert present_seconds(store, "a") == set(range(60)) - {5, 6, 7, 55, 56}
    assert present_seconds(store, "b") == set(range(60))


def test_nothing_to_delete_is_no_series_and_no_tombstone(store: Tsdb) -> None:
    assert store.delete([Matcher("=", "__name__", "c")], 0, 2**62) == 0
    assert store.delete(ONLY_A, 100_000, 2**62) == 0
    assert store.status().tombstones == 0


def test_a_series_without_a_sample_left_is_listed_no_more(store: Tsdb) -> None:
    store.delete(ONLY_A, 0, 2**62)
    assert store.series(EVERYTHING, -1, 2**62) == [B]
    assert store.label_values("__name__", [], -1, 2**62) == ["b"]


def test_what_is_stored_later_is_not_hidden(store: Tsdb) -> None:
    store.delete(ONLY_A, 0, 2**62)
    store.append_row("s", 60_000, store.refs("s", [A]), np.array([1.0]))
    assert present_seconds(store, "a") == {60}


def test_a_deletion_survives_the_end_of_the_process(
    store: Tsdb, tmp_path: Path, clock: ManualClock
) -> None:
    store.delete(ONLY_A, 5_000, 55_000)
    os.close(store._lock_descriptor)  # as after kill -9
    again = Tsdb.open(tmp_path, clock, OPTIONS)
    assert present_seconds(again, "a") == {0, 1, 2, 3, 4, 56, 57, 58, 59}
    again.close()
    store._lock_descriptor = os.open(tmp_path / "lock", os.O_RDONLY)


def test_cleaning_takes_it_off_the_disk_and_forgets_the_deletion(
    store: Tsdb, clock: ManualClock, tmp_path: Path
) -> None:
    store.delete(ONLY_A, 0, 29_000)
    before_bytes = store.status().block_bytes
    clock.advance(30_000)
    store.maintain()
    store.clean_tombstones()
    assert store.status().tombstones == 0
    assert store.status().block_bytes < before_bytes * 1.5
    assert present_seconds(store, "a") == set(range(30, 60))
    assert sum(block.samples for block in store._blocks.blocks) == 60 + 30


def test_compaction_drops_it_too(store: Tsdb) -> None:
    store.delete(ONLY_A, 0, 29_000)
    store.compact()
    assert present_seconds(store, "a") == set(range(30, 60))
    assert sum(b.samples for b in store._blocks.blocks if b.last_ms < 30_000) == 30


def test_all_columns_of_a_native_histogram_go_and_count_as_one(store: Tsdb) -> None:
    parts = [Labels.of("h", **{COMPONENT: name}) for name in ("count", "sum", "3+1")]
    store.append_row("s", 60_000, store.refs("s", parts), np.ones(3))
    assert store.delete([Matcher("=", "__name__", "h")], 0, 2**62) == 1
    assert store.select([Matcher("=", "__name__", "h")], -1, 2**62) == []


def test_a_deletion_that_can_not_be_written_down_deletes_nothing(
    store: Tsdb, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match="No space left"):
        store.delete(ONLY_A, 0, 2**62)
    monkeypatch.undo()
    assert present_seconds(store, "a") == set(range(60))


def test_a_damaged_list_of_deletions_is_no_silent_undelete(
    store: Tsdb, tmp_path: Path, clock: ManualClock
) -> None:
    store.delete(ONLY_A, 0, 2**62)
    store.close()
    path = tmp_path / "tombstones"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StorageError, match="deleted ranges is damaged"):
        Tsdb.open(tmp_path, clock, OPTIONS)


def test_a_snapshot_is_a_data_directory_of_its_own(
    store: Tsdb, tmp_path: Path, clock: ManualClock
) -> None:
    store.delete(ONLY_A, 5_000, 7_000)
    name = store.snapshot(skip_head=False)
    store.append_row("s", 61_000, store.refs("s", [A]), np.array([1.0]))
    store.compact()
    copy = Tsdb.open(tmp_path / "snapshots" / name, clock, OPTIONS)
    assert present_seconds(copy, "a") == set(range(60)) - {5, 6, 7}
    copy.close()
    assert name.startswith("19700101T0001")


def test_a_snapshot_without_the_head_has_what_is_in_blocks(
    store: Tsdb, tmp_path: Path, clock: ManualClock
) -> None:
    name = store.snapshot(skip_head=True)
    copy = Tsdb.open(tmp_path / "snapshots" / name, clock, OPTIONS)
    in_blocks = present_seconds(copy, "a")
    assert in_blocks == set(range(max(in_blocks) + 1))
    assert 20 < len(in_blocks) < 60
    copy.close()


@pytest.mark.parametrize("call", ["link", "rename"])
def test_a_snapshot_that_fails_leaves_nothing(
    store: Tsdb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fails)
    with pytest.raises(StorageError, match="No space left"):
        store.snapshot(skip_head=False)
    monkeypatch.undo()
    assert list((tmp_path / "snapshots").iterdir()) == []
