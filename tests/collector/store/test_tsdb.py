"""The store against a dictionary of lists that does the same slowly and obviously."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model.clock import ManualClock
from collector.model.errors import LimitError, StorageError
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import STALE, SampleBatch, is_missing, is_stale
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb

START_MS = 1_700_000_000_000
EVERYTHING = (-1, 2**62)
SERIES = [Labels.of("x_total", n=str(i)) for i in range(6)]


def opened(directory: Path, **options: int) -> Tsdb:
    return Tsdb.open(directory, ManualClock(START_MS), StoreOptions(**options))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Tsdb]:
    tsdb = opened(tmp_path)
    yield tsdb
    tsdb.close()


def samples_of(store: Tsdb) -> dict[Labels, dict[int, float]]:
    found: dict[Labels, dict[int, float]] = {}
    for one in store.select([Matcher("=", "__name__", "x_total")], *EVERYTHING):
        assert (np.diff(one.timestamps_ms) > 0).all()
        for labels, values in zip(one.labels, one.values, strict=True):
            assert labels not in found, "a series is in exactly one slice"
            present = ~is_missing(values)
            found[labels] = dict(
                zip(one.timestamps_ms[present].tolist(), values[present].tolist(), strict=True)
            )
    return found


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.integers(1, 40),
        st.dictionaries(st.integers(0, 5), st.integers(0, 50), min_size=1),
    ),
    max_size=40,
)


@given(rows=ROWS, restart_after=st.integers(0, 40))
@settings(max_examples=150, deadline=None)
def test_what_was_taken_is_what_is_read_also_after_a_restart(
    rows: list[tuple[str, int, dict[int, int]]], restart_after: int
) -> None:
    oracle: dict[Labels, dict[int, float]] = {}
    with tempfile.TemporaryDirectory() as directory:
        store = opened(Path(directory))
        for number, (source, tick, values) in enumerate(rows):
            if number == restart_after:
                store.close()
                store = opened(Path(directory))
            at_ms = START_MS + tick * 1000
            refs = store.refs(source, [SERIES[i] for i in values])
            refused = store.append_row(
                source, at_ms, refs, np.array([float(v) for v in values.values()])
            )
            clashes = 0
            for i, value in values.items():
                known = oracle.setdefault(SERIES[i], {}).setdefault(at_ms, float(value))
                clashes += known != value
            assert sum(refused.by_reason.values()) == clashes
        assert samples_of(store) == oracle
        store.close()


COUNTER_STEPS = st.lists(
    st.lists(st.one_of(st.none(), st.integers(0, 30)), min_size=3, max_size=3),
    min_size=1,
    max_size=30,
)


def slow_total(values: list[int | None]) -> float:
    """What a counter counted: from its first sample, or from zero when it was born later."""
    total, last = 0.0, None
    for position, value in enumerate(values):
        if value is None:
            continue
        if last is None:
            total += value if position > 0 else 0
        else:
            total += value - last if value >= last else value
        last = value
    return total


@given(steps=COUNTER_STEPS, restart_after=st.integers(0, 30))
@settings(max_examples=150, deadline=None)
def test_running_totals_mend_resets_and_count_born_series_from_zero(
    steps: list[list[int | None]], restart_after: int
) -> None:
    # an anchor makes every row exist, so a column that starts later was born in a known source
    anchor = Labels.of("anchor")
    with tempfile.TemporaryDirectory() as directory:
        store = opened(Path(directory))
        for number, step in enumerate(steps):
            if number == restart_after:
                store.close()
                store = opened(Path(directory))
            present = [i for i, value in enumerate(step) if value is not None]
            refs = store.refs("s", [anchor, *(SERIES[i] for i in present)])
            values = [1.0, *(float(step[i] or 0) for i in present)]
            store.append_row("s", START_MS + number * 1000, refs, np.array(values))
        for i in range(3):
            column = [step[i] for step in steps]
            if any(value is not None for value in column):
                (ref,) = store.match([Matcher("=", "n", str(i))])
                (total,) = store.counter_totals(np.array([ref])).total
                assert total == slow_total(column)
        store.close()


def test_a_start_time_makes_a_first_sample_count(store: Tsdb) -> None:
    refs = store.refs("s", SERIES[:1])
    store.append_row("s", START_MS, refs, np.array([5.0]))
    more = store.refs("t", SERIES[1:3])
    starts = np.array([START_MS + 500, 0])
    store.append_row("t", START_MS, store.refs("t", [Labels.of("y")]), np.array([1.0]))
    store.append_row("t", START_MS + 1000, more, np.array([7.0, 9.0]), starts)
    assert store.counter_totals(np.concatenate([refs, more])).total.tolist() == [0.0, 7.0, 9.0]


def test_stale_markers_and_nan_are_kept_and_do_not_count(store: Tsdb) -> None:
    refs = store.refs("s", SERIES[:1])
    for at, value in enumerate((3.0, STALE, 1.0, np.nan, 4.0)):
        store.append_row("s", START_MS + at, refs, np.array([value]))
    (one,) = store.select([Matcher("=", "n", "0")], *EVERYTHING)
    assert is_stale(one.values).tolist() == [[False, True, False, False, False]]
    assert store.counter_totals(refs).total.tolist() == [4.0]


def test_late_samples_are_taken_within_the_window_only(tmp_path: Path) -> None:
    store = opened(tmp_path, out_of_order_ms=10_000)
    refs = store.refs("s", SERIES[:1])
    for at in (0, 60_000):
        store.append_row("s", START_MS + at, refs, np.array([1.0]))
    late = SampleBatch(
        refs.repeat(3), START_MS + np.array([55_000, 49_000, 60_000]), np.array([2.0, 2.0, 9.0])
    )
    assert dict(store.append("s", late).by_reason) == {"too_old": 1, "duplicate": 1}
    assert samples_of(store) == {
        SERIES[0]: {START_MS: 1.0, START_MS + 55_000: 2.0, START_MS + 60_000: 1.0}
    }
    store.close()


def test_slices_stay_as_they_were_when_more_comes(store: Tsdb) -> None:
    refs = store.refs("s", SERIES[:1])
    store.append_row("s", START_MS, refs, np.array([1.0]))
    (before,) = store.select([], *EVERYTHING)
    store.append_row("s", START_MS + 1, refs, np.array([2.0]))
    assert before.values.tolist() == [[1.0]]


def test_matchers_select_as_they_do_one_by_one(store: Tsdb) -> None:
    store.refs("s", [*SERIES, Labels.of("y", n="1", extra="z")])
    for matchers in (
        [Matcher("=~", "n", "[0-2]")],
        [Matcher("!=", "n", "1"), Matcher("=", "__name__", "x_total")],
        [Matcher("=", "extra", "")],
        [Matcher("!~", "extra", ".+"), Matcher("=~", "n", "1|2|nothing")],
        [Matcher("=", "none", "x")],
    ):
        every = store.labels_of(np.arange(store.series_version()))
        slow = [
            ref
            for ref, labels in enumerate(every)
            if all(m.matches(labels.get(m.name, "")) for m in matchers)
        ]
        assert store.match(matchers).tolist() == slow


def test_old_samples_go(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    store = Tsdb.open(tmp_path, clock, StoreOptions(retention_ms=1000))
    refs = store.refs("s", SERIES[:1])
    for at in range(600):
        store.append_row("s", START_MS + at * 1000, refs, np.array([float(at)]))
    clock.advance(600_000)
    store.maintain()
    kept = samples_of(store)[SERIES[0]]
    assert len(kept) < 300
    assert START_MS + 599_000 in kept
    store.close()


def test_the_series_limit_is_named(tmp_path: Path) -> None:
    store = opened(tmp_path, max_series=2)
    store.refs("s", SERIES[:2])
    with pytest.raises(LimitError, match="max_series"):
        store.refs("s", SERIES[2:3])
    assert len(store.refs("s", SERIES[:2])) == 2
    store.close()


def test_a_second_process_is_kept_out(store: Tsdb, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="another tocsin"):
        opened(tmp_path)
