"""A clock that is set wrong, ahead or back, deletes nothing and cuts nothing too early."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.store.options import DAY_MS, HOUR_MS, StoreOptions, TierOptions
from collector.store.steady_time import BELIEVED_AFTER_SECONDS, MAX_JUMP_MS, SteadyTime
from collector.store.tsdb import Tsdb
from tests.oracles.set_clock import SetClock

NOON_MS = 1_700_006_400_000
RETENTION_MS = 15 * DAY_MS
NAMED = [Matcher("=", "__name__", "x_total")]


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOON_MS)


@pytest.fixture
def steady(clock: SetClock) -> SteadyTime:
    return SteadyTime(clock, -1, RETENTION_MS)


def test_time_passes_with_the_clock(clock: SetClock, steady: SteadyTime) -> None:
    for _ in range(3):
        clock.passes(DAY_MS)
        assert steady.now_ms() == clock.wall_ms


def test_a_correction_is_believed_at_once(clock: SetClock, steady: SteadyTime) -> None:
    clock.wall_ms += MAX_JUMP_MS
    assert steady.now_ms() == clock.wall_ms


def test_a_jump_ahead_is_believed_after_an_hour_and_time_goes_on_until_then(
    clock: SetClock, steady: SteadyTime, caplog: pytest.LogCaptureFixture
) -> None:
    clock.wall_ms += 365 * DAY_MS
    for passed_ms in range(0, int(BELIEVED_AFTER_SECONDS * 1000), 60_000):
        assert steady.now_ms() == NOON_MS + passed_ms
        clock.passes(60_000)
    assert steady.now_ms() == clock.wall_ms
    assert caplog.text.count("ahead of what it should be") == 1


def test_a_clock_that_is_set_right_again_leaves_no_trace(
    clock: SetClock, steady: SteadyTime, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        clock.wall_ms += DAY_MS
        for _ in range(50):
            clock.passes(60_000)
            assert steady.now_ms() == clock.wall_ms - DAY_MS
        clock.wall_ms -= DAY_MS
        assert steady.now_ms() == clock.wall_ms
    assert caplog.text.count("ahead of what it should be") == 2, "the second is another jump"


def test_a_jump_back_is_believed_at_once_and_setting_it_right_is_a_jump_ahead(
    clock: SetClock, steady: SteadyTime
) -> None:
    clock.wall_ms -= DAY_MS
    assert steady.now_ms() == clock.wall_ms
    clock.wall_ms += DAY_MS
    assert steady.now_ms() == NOON_MS - DAY_MS
    clock.passes(int(BELIEVED_AFTER_SECONDS * 1000))
    assert steady.now_ms() == clock.wall_ms


@pytest.mark.parametrize(
    ("newest_ms", "at_start_ms"),
    [
        (-1, NOON_MS),
        (NOON_MS - RETENTION_MS, NOON_MS),
        (NOON_MS - RETENTION_MS - 1, NOON_MS - RETENTION_MS - 1),
        (NOON_MS + DAY_MS, NOON_MS),
    ],
    ids=["empty", "stopped a while ago", "silent past retention", "samples of the future"],
)
def test_a_start_long_after_the_newest_sample_counts_as_a_jump(
    clock: SetClock, newest_ms: int, at_start_ms: int
) -> None:
    steady = SteadyTime(clock, newest_ms, RETENTION_MS)
    assert steady.now_ms() == at_start_ms
    clock.passes(int(BELIEVED_AFTER_SECONDS * 1000))
    assert steady.now_ms() in (clock.wall_ms, at_start_ms + int(BELIEVED_AFTER_SECONDS * 1000))
    clock.passes(int(BELIEVED_AFTER_SECONDS * 1000))
    assert steady.now_ms() == clock.wall_ms


@pytest.fixture
def opened(tmp_path: Path, clock: SetClock) -> Iterator[Callable[[], Tsdb]]:
    stores = []

    def open_(**options: object) -> Tsdb:
        tier = TierOptions("1h", HOUR_MS, 30 * DAY_MS)
        wanted = StoreOptions(retention_ms=RETENTION_MS, tiers=(tier,), tier_span_ms=12 * HOUR_MS)
        stores.append(Tsdb.open(tmp_path, clock, wanted))
        return stores[-1]

    yield open_
    for store in stores:
        store.close()


def run_a_day(store: Tsdb, clock: SetClock) -> None:
    refs = store.refs("s", [Labels.of("x_total")])
    for _ in range(24 * 12):
        store.append_row("s", clock.now_ms(), refs, np.array([float(clock.now_ms())]))
        clock.passes(5 * 60_000)
        store.maintain()
    store.compact()


def samples(store: Tsdb) -> int:
    return sum(one.values.size for one in store.select(NAMED, -1, 2**62))


def test_a_clock_a_year_ahead_deletes_neither_samples_nor_tiers(
    opened: Callable[[], Tsdb], clock: SetClock
) -> None:
    store = opened()
    run_a_day(store, clock)
    before, blocks = samples(store), store.status().blocks
    assert before == 24 * 12
    assert len(store.kept()) == 2, "there is a tier"
    clock.wall_ms += 365 * DAY_MS
    for _ in range(30):
        clock.passes(60_000)
        store.maintain()
        store.compact()
    assert samples(store) == before
    assert store.status().blocks == blocks
    clock.wall_ms -= 365 * DAY_MS
    run_a_day(store, clock)
    assert samples(store) == 2 * before
    clock.wall_ms += 365 * DAY_MS  # this time it is true
    for _ in range(62):
        clock.passes(60_000)
        store.maintain()
        store.compact()
    assert samples(store) == 0
    assert len(store.kept()) == 1, "the tier has gone too"


def test_a_clock_set_back_refuses_what_is_older_than_the_window_and_goes_on_by_itself(
    opened: Callable[[], Tsdb], clock: SetClock
) -> None:
    store = opened()
    run_a_day(store, clock)
    refs = store.refs("s", [Labels.of("x_total")])
    newest_ms = store.status().newest_ms
    clock.wall_ms -= DAY_MS + 7
    refused = store.append_row("s", clock.now_ms(), refs, np.ones(1))
    assert refused.by_reason == {"too_old": 1}
    store.maintain()
    store.compact()
    assert samples(store) == 24 * 12
    assert store.status().newest_ms == newest_ms
    clock.wall_ms = newest_ms - HOUR_MS // 2
    assert not store.append_row("s", clock.now_ms() + 1, refs, np.ones(1)), "within the window"
    clock.wall_ms = newest_ms + 1
    assert not store.append_row("s", clock.now_ms(), refs, np.ones(1))
    assert samples(store) == 24 * 12 + 2
