"""Running totals against a slow reading of the rule, over restarts and crashes."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model import Labels, ManualClock
from collector.model.samples import MISSING, STALE, is_sample
from collector.store.prefix_sums import NEWBORN_MS, RunningTotals
from collector.store.tsdb import Tsdb

START_MS = 1_700_000_000_000
ANCHOR = Labels.of("anchor")
COLUMNS = [Labels.of("x_total", n=str(i)) for i in range(3)]
CELLS = st.one_of(
    st.integers(0, 30).map(float), st.sampled_from([MISSING, MISSING, STALE, math.nan, math.inf])
)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=30)


def slow_total(column: list[float]) -> float:
    """From its first sample when that is in the first row, from zero when it was born later."""
    total, last = 0.0, None
    for position, value in enumerate(column):
        if not is_sample(np.array([value]))[0] or not math.isfinite(value):
            continue
        if last is None:
            total += value if position > 0 else 0
        else:
            total += value - last if value >= last else value
        last = value
    return total


def killed_and_opened(store: Tsdb, directory: Path, clock: ManualClock) -> Tsdb:
    os.close(store._lock_descriptor)
    return Tsdb.open(directory, clock)


@given(rows=ROWS, crash_after=st.integers(0, 30), stop_after=st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_totals_mend_resets_and_count_born_series_from_zero(
    rows: list[list[float]], crash_after: int, stop_after: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory, clock = Path(name), ManualClock(START_MS)
        store = Tsdb.open(directory, clock)
        for number, row in enumerate(rows):
            if number == crash_after:
                store = killed_and_opened(store, directory, clock)
            if number == stop_after:
                store.close()
                store = Tsdb.open(directory, clock)
            refs = store.refs("s", [ANCHOR, *COLUMNS])
            store.append_row("s", START_MS + number * 1000, refs, np.array([1.0, *row]))
        store = killed_and_opened(store, directory, clock)
        totals = store.counter_totals(store.refs("s", COLUMNS)).total.tolist()
        assert totals == [slow_total([row[i] for row in rows]) for i in range(3)]
        store.close()


def test_start_times_survive_a_kill_and_a_stop(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    store = Tsdb.open(tmp_path, clock)
    starts = np.array([0, START_MS - 1])
    for number in range(6):
        refs = store.refs("s", COLUMNS[:2])
        if number == 4:
            starts = np.array([0, START_MS + 3500])  # it began anew, and is past its old value
        at_ms = START_MS + number * 1000
        store.append_row("s", at_ms, refs, np.array([10.0, 10.0]) + number, starts)
        if number in (1, 4):
            store = killed_and_opened(store, tmp_path, clock)
        if number == 2:
            store.close()
            store = Tsdb.open(tmp_path, clock)
    total = store.counter_totals(store.refs("s", COLUMNS[:2])).total.tolist()
    assert total == [5.0, 10.0 + 3 + 14 + 1]
    store.close()


@pytest.fixture
def totals() -> RunningTotals:
    made = RunningTotals()
    made.grow(4)
    return made


def add(totals: RunningTotals, at_ms: int, values: list[float], starts: list[int] | None = None,
        first_ms: int = 1000) -> list[float]:  # fmt: skip
    refs = np.arange(len(values))
    start_ms = None if starts is None else np.array(starts, np.int64)
    totals.add(at_ms, refs, np.array(values), first_ms, start_ms)
    return totals.total[: len(values)].tolist()


def test_the_first_row_of_a_source_is_the_baseline(totals: RunningTotals) -> None:
    assert add(totals, 1000, [5.0]) == [0.0]
    assert totals.last_ms[0] == 1000


def test_rows_of_the_first_reading_are_baselines_too(totals: RunningTotals) -> None:
    """An OTLP export may carry a slightly different time for each instrument."""
    assert add(totals, 1400, [5.0]) == [0.0]


def test_a_series_born_in_a_source_that_was_read_counts_from_zero(totals: RunningTotals) -> None:
    assert add(totals, 2000, [5.0]) == [5.0]


def test_a_start_after_the_sources_first_sample_counts_from_zero(totals: RunningTotals) -> None:
    at_ms = 2 * NEWBORN_MS
    starts = [at_ms - 100, at_ms - NEWBORN_MS - 1, 0]
    first_ms = at_ms - 200
    assert add(totals, at_ms, [5.0, 6.0, 7.0], starts, first_ms) == [5.0, 0.0, 0.0]


def test_a_process_that_began_shortly_before_its_first_reading_counts_from_zero(
    totals: RunningTotals,
) -> None:
    at_ms = 2 * NEWBORN_MS
    starts = [at_ms - NEWBORN_MS, at_ms - NEWBORN_MS - 1]
    assert add(totals, at_ms, [5.0, 6.0], starts, at_ms) == [5.0, 0.0]


def test_a_counter_that_says_it_began_anew_is_not_mistaken_for_one_that_grew(
    totals: RunningTotals,
) -> None:
    at_ms = 2 * NEWBORN_MS
    add(totals, at_ms, [5.0], [500], at_ms)
    assert add(totals, at_ms + 1000, [8.0], [500], at_ms) == [3.0]
    assert add(totals, at_ms + 2000, [9.0], [at_ms + 1500], at_ms) == [12.0]


def test_late_samples_add_nothing(totals: RunningTotals) -> None:
    add(totals, 1000, [5.0])
    add(totals, 3000, [9.0])
    assert add(totals, 2000, [7.0]) == [4.0]


def test_a_stale_marker_is_newest_but_no_sample(totals: RunningTotals) -> None:
    add(totals, 1000, [5.0])
    assert add(totals, 2000, [STALE]) == [0.0]
    assert (totals.newest_ms[0], totals.sample_ms[0], totals.last_ms[0]) == (2000, 1000, 1000)


def test_totals_never_fall(totals: RunningTotals) -> None:
    add(totals, 1000, [5.0])
    assert add(totals, 2000, [-3.0]) == [0.0]
