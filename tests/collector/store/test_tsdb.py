"""The store against a dict of lists: any order of arrival, churn, cuts, restarts, crashes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from collector.model import Labels, ManualClock, Matcher, SampleBatch
from collector.model.errors import LimitError, StorageError
from collector.model.metadata import Metadata
from collector.model.samples import MISSING, MISSING_BITS, STALE
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb

START_MS = 1_700_000_000_000
FOREVER = 2**62
ALL = [Matcher("!=", "__name__", "")]
VALUES = (0.0, -0.0, 1.0, 2.5, 7.25, 1e18, 0.1 + 0.2, float("inf"), float("nan"), STALE)


def bits(value: float) -> int:
    return int(np.array([value]).view(np.int64)[0])


def everything(
    store: Tsdb, after_ms: int = -1, until_ms: int = FOREVER
) -> dict[Labels, dict[int, int]]:
    """{labels: {timestamp: bits}}, with what every slice promises asserted on the way."""
    found: dict[Labels, dict[int, int]] = {}
    for one in store.select(ALL, after_ms, until_ms):
        assert (np.diff(one.timestamps_ms) > 0).all()
        assert one.values.flags.c_contiguous
        assert one.values.shape == (len(one.refs), len(one.timestamps_ms))
        assert list(one.labels) == store.labels_of(one.refs)
        cells = one.values.view(np.int64)
        for row, labels in enumerate(one.labels):
            assert labels not in found, "a series is in exactly one slice"
            there = cells[row] != MISSING_BITS
            assert there.any(), "a series without a sample is left out"
            times = one.timestamps_ms[there].tolist()
            found[labels] = dict(zip(times, cells[row][there].tolist(), strict=True))
    return found


@pytest.fixture
def opened(tmp_path: Path, clock: ManualClock) -> Iterator[Callable[..., Tsdb]]:
    stores: list[Tsdb] = []

    def open_store(**options: object) -> Tsdb:
        stores.append(Tsdb.open(tmp_path / "data", clock, StoreOptions(**options)))  # type: ignore[arg-type]
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


def kill(store: Tsdb) -> None:
    """What a killed process leaves: its files as they are, and no lock."""
    os.close(store._lock_descriptor)
    store._closed = True


def series(count: int, name: str = "x_total") -> list[Labels]:
    return [Labels.of(name, n=str(i), half=str(i % 2)) for i in range(count)]


class AgainstDicts(RuleBasedStateMachine):
    """Rows, late rows, batches, stale markers, churn, cuts, restarts and crashes in any order."""

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.clock = ManualClock(START_MS)
        self.options = StoreOptions(
            head_ms=1000, out_of_order_window_ms=400, segment_bytes=4000, retention_ms=10**9
        )
        self.store = Tsdb.open(self.directory, self.clock, self.options)
        self.expected: dict[Labels, dict[int, int]] = {}
        self.from_ms = 0

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.directory)

    def take(self, labels: Labels, at_ms: int, value: float) -> str | None:
        """What the contract says of one sample."""
        if bits(value) == MISSING_BITS:
            return None
        known = self.expected.get(labels, {})
        if at_ms in known:
            return None if known[at_ms] == bits(value) else "duplicate"
        newest = max(known, default=-1)
        if at_ms < max(newest, self.from_ms) - 400:
            return "too_old"
        self.expected.setdefault(labels, {})[at_ms] = bits(value)
        return None

    @rule(
        source=st.sampled_from("ab"),
        behind_ms=st.sampled_from([0, 0, 0, 0, 10, 30, 100, 390, 500, 2000]),
        rows=st.integers(1, 3),
        cells=st.dictionaries(st.integers(0, 5), st.sampled_from((*VALUES, MISSING)), min_size=1),
    )
    def append_rows(self, source: str, behind_ms: int, rows: int, cells: dict[int, float]) -> None:
        labels = [Labels.of("x", n=str(number)) for number in cells]
        refs = self.store.refs(source, labels)
        values = np.array(list(cells.values()))
        for _ in range(rows):
            self.clock.advance(10)
            at_ms = self.clock.now_ms() - behind_ms
            refused = self.store.append_row(source, at_ms, refs, values)
            expected = [self.take(one, at_ms, v) for one, v in zip(labels, values, strict=True)]
            reasons = {r: expected.count(r) for r in set(expected) - {None}}
            assert dict(refused.by_reason) == reasons

    @rule(
        samples=st.lists(
            st.tuples(st.integers(0, 5), st.integers(0, 60), st.sampled_from(VALUES)), min_size=1
        )
    )
    def append_batch(self, samples: list[tuple[int, int, float]]) -> None:
        labels = [Labels.of("x", n=str(number)) for number, _, _ in samples]
        times = np.array([self.clock.now_ms() - 10 * back for _, back, _ in samples], np.int64)
        values = np.array([value for _, _, value in samples])
        refused = self.store.append("c", SampleBatch(self.store.refs("c", labels), times, values))
        reasons: dict[str, int] = {}
        for i in np.argsort(times, kind="stable").tolist():
            reason = self.take(labels[i], int(times[i]), values[i])
            if reason:
                reasons[reason] = reasons.get(reason, 0) + 1
        assert dict(refused.by_reason) == reasons

    @rule(ms=st.sampled_from([100, 700, 1500, 4000]))
    def time_passes(self, ms: int) -> None:
        self.clock.advance(ms)

    @rule()
    def maintain(self) -> None:
        self.store.maintain()
        self.from_ms = max(self.from_ms, self.store._head.from_ms)

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = Tsdb.open(self.directory, self.clock, self.options)

    @rule()
    def crash(self) -> None:
        before = self.totals()
        kill(self.store)
        self.store = Tsdb.open(self.directory, self.clock, self.options)
        assert self.totals() == before

    def totals(self) -> dict[Labels, tuple[float, int, int]]:
        refs = self.store.match(ALL)
        found = self.store.counter_totals(refs)
        rows = zip(
            found.total.tolist(),
            found.last_ms.tolist(),
            self.store.last_sample_ms(refs).tolist(),
            strict=True,
        )
        return dict(zip(self.store.labels_of(refs), rows, strict=True))

    @invariant()
    @precondition(lambda self: hasattr(self, "store"))
    def holds_what_was_taken(self) -> None:
        assert everything(self.store) == self.expected

    @rule(after=st.integers(0, 300), length=st.integers(0, 300))
    def a_range_holds_its_part(self, after: int, length: int) -> None:
        after_ms, until_ms = START_MS + 10 * after - 1, START_MS + 10 * (after + length)
        inside = {
            labels: part
            for labels, samples in self.expected.items()
            if (part := {t: v for t, v in samples.items() if after_ms < t <= until_ms})
        }
        assert everything(self.store, after_ms, until_ms) == inside
        assert self.store.series(ALL, after_ms, until_ms) == sorted(inside)


AgainstDicts.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
TestAgainstDicts = AgainstDicts.TestCase


def test_a_slice_stays_as_it_was_after_later_appends(opened: Callable[..., Tsdb]) -> None:
    store = opened()
    refs = store.refs("a", series(3))
    store.append_row("a", 1000, refs, np.array([1.0, 2.0, 3.0]))
    found = store.select(ALL, 0, FOREVER)[0]
    for i in range(200):
        store.append_row("a", 2000 + i, refs, np.array([4.0, 5.0, 6.0]))
    assert found.values.tolist() == [[1.0], [2.0], [3.0]]
    assert found.timestamps_ms.tolist() == [1000]


def test_wide_rows_come_back_whole_and_in_one_slice(opened: Callable[..., Tsdb]) -> None:
    store = opened()
    refs = store.refs("a", series(2500))
    rows = [np.arange(2500.0) * row + (row % 3) / 7 for row in range(150)]
    for row, values in enumerate(rows):
        store.append_row("a", 1000 + row, refs, values)
    (one,) = store.select(ALL, 0, FOREVER)
    assert (one.values == np.array(rows).T).all()


def test_series_that_arrive_together_share_a_slice(opened: Callable[..., Tsdb]) -> None:
    store = opened()
    for at_ms in range(1000, 400_000, 1000):
        for source in ("a", "b"):
            refs = store.refs(source, series(5, source))
            store.append_row(source, at_ms + (source == "b"), refs, np.arange(5.0))
    assert [len(one.refs) for one in store.select(ALL, 0, FOREVER)] == [5, 5]


def test_targets_mixed_by_one_sender_part_into_stripes_of_their_own(
    opened: Callable[..., Tsdb],
) -> None:
    store = opened()
    for at_ms in range(1000, 400_000, 1000):
        for target in range(4):
            refs = store.refs("writer", series(3, f"target_{target}"))
            store.append_row("writer", at_ms + target, refs, np.arange(3.0))
    assert [one.values.shape for one in store.select(ALL, 0, FOREVER)] == [(3, 399)] * 4


def test_a_row_of_the_same_time_joins_the_row_before(opened: Callable[..., Tsdb]) -> None:
    store = opened()
    page, report = store.refs("a", series(4)), store.refs("a", [Labels.of("up")])
    for at_ms in range(1000, 200_000, 1000):
        store.append_row("a", at_ms, page, np.arange(4.0))
        store.append_row("a", at_ms, report, np.ones(1))
    (only,) = store.select(ALL, 0, FOREVER)
    assert only.values.shape == (5, 199)


def test_the_same_series_twice_in_a_row_counts_as_duplicate(opened: Callable[..., Tsdb]) -> None:
    store = opened()
    refs = store.refs("a", [Labels.of("x"), Labels.of("x"), Labels.of("y")])
    assert refs[0] == refs[1]
    refused = store.append_row("a", 1000, refs, np.array([1.0, 2.0, 3.0]))
    assert refused.by_reason == {"duplicate": 1}
    assert everything(store)[Labels.of("x")] == {1000: bits(1.0)}


def test_without_a_window_late_samples_are_out_of_order(opened: Callable[..., Tsdb]) -> None:
    store = opened(out_of_order_window_ms=0)
    refs = store.refs("a", series(1))
    store.append_row("a", 2000, refs, np.ones(1))
    assert store.append_row("a", 1000, refs, np.ones(1)).by_reason == {"out_of_order": 1}


def test_a_second_process_is_told_that_the_directory_is_in_use(
    opened: Callable[..., Tsdb], tmp_path: Path, clock: ManualClock
) -> None:
    opened()
    with pytest.raises(StorageError, match="another tocsin"):
        Tsdb.open(tmp_path / "data", clock)


def test_the_series_limit_is_an_error_and_takes_nothing(opened: Callable[..., Tsdb]) -> None:
    store = opened(max_series=3)
    store.refs("a", series(2))
    with pytest.raises(LimitError, match="max_series"):
        store.refs("a", series(4))
    assert len(store.match(ALL)) == 2


def test_metadata_survives_a_crash_and_a_stop(opened: Callable[..., Tsdb]) -> None:
    store = opened()
    store.set_metadata("x_total", Metadata("counter", "Things.", "bytes"))
    kill(store)
    store = opened()
    assert store.metadata() == {"x_total": Metadata("counter", "Things.", "bytes")}
    store.close()
    assert opened().metadata() == {"x_total": Metadata("counter", "Things.", "bytes")}


def test_what_is_past_retention_goes(opened: Callable[..., Tsdb], clock: ManualClock) -> None:
    store = opened(head_ms=10_000, retention_ms=60_000)
    refs = store.refs("a", series(2))
    for _ in range(100):
        clock.advance(1000)
        store.append_row("a", clock.now_ms(), refs, np.ones(2))
        store.maintain()
    oldest = min(everything(store)[Labels.of("x_total", n="0", half="0")])
    assert clock.now_ms() - 75_000 <= oldest
    assert store.status().blocks <= 7
    assert store.status().oldest_ms == oldest


def test_labels_and_values_of_a_range(opened: Callable[..., Tsdb]) -> None:
    store = opened()
    store.append_row("a", 1000, store.refs("a", [Labels.of("x", a="1")]), np.ones(1))
    store.append_row("b", 2000, store.refs("b", [Labels.of("x", b="2")]), np.ones(1))
    assert store.label_names(ALL, 0, 1000) == ["__name__", "a"]
    assert store.label_names(ALL, 0, 2000) == ["__name__", "a", "b"]
    assert store.label_values("b", ALL, 0, 1000) == []
    assert store.label_values("b", ALL, 0, 2000) == ["2"]
    assert store.series_version() == 2
