"""When rows leave memory, and blocks the disk."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from collector.model import Labels, ManualClock
from collector.store.options import StoreOptions
from collector.store.retention import cut_time_ms, limit_bytes, too_many, too_old
from collector.store.tsdb import Tsdb


@pytest.mark.parametrize(
    ("first_ms", "now_ms", "expected"),
    [
        (-1, 10_000, None),
        (0, 2999, None),
        (0, 3000, 2000),
        (1999, 3000, 2000),
        (2000, 3000, None),
        (100, 9100, 8000),
    ],
)
def test_a_span_is_cut_half_a_span_after_its_end(
    first_ms: int, now_ms: int, expected: int | None
) -> None:
    assert cut_time_ms(first_ms, now_ms, 2000) == expected


@dataclass
class Kept:
    last_ms: int
    nbytes: int


BLOCKS = [Kept(300, 10), Kept(100, 20), Kept(200, 30)]


@pytest.mark.parametrize(
    ("limit", "used", "expected"),
    [
        (0, 10**9, []),
        (60, 0, []),
        (59, 0, [100]),
        (60, 1, [100]),
        (40, 0, [100]),
        (39, 0, [100, 200]),
        (5, 10, [100, 200, 300]),
    ],
)
def test_the_oldest_blocks_go_until_the_rest_and_the_log_fit(
    limit: int, used: int, expected: list[int]
) -> None:
    assert [block.last_ms for block in too_many(BLOCKS, limit, used)] == expected


def test_a_block_goes_when_its_newest_sample_is_too_old() -> None:
    assert [block.last_ms for block in too_old(BLOCKS, 200)] == [100]


@pytest.mark.parametrize(
    ("size", "percentage", "expected"),
    [(0, 0, 0), (5, 0, 5), (0, 10, 100), (50, 10, 50), (500, 10, 100)],
)
def test_of_two_limits_the_tighter_holds(size: int, percentage: float, expected: int) -> None:
    assert limit_bytes(size, percentage, 1000) == expected


def test_a_store_stays_within_its_size(tmp_path: Path) -> None:
    clock = ManualClock(0)
    limit = 40_000
    options = StoreOptions(head_ms=10_000, retention_bytes=limit)
    store = Tsdb.open(tmp_path, clock, options)
    refs = store.refs("s", [Labels.of("x", n=str(i)) for i in range(20)])
    dice = np.random.default_rng(1)
    for row in range(200):
        store.append_row("s", row * 1000, refs, dice.random(20))
        clock.advance(1000)
        store.maintain()
    status = store.status()
    assert 0 < status.block_bytes <= limit
    assert status.oldest_ms > 50_000
    store.close()
