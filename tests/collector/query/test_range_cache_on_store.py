"""The range cache over the real store: late samples, deletion and what comes next."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.query.engine import Engine, EngineOptions
from collector.query.values import Matrix
from collector.store.tsdb import Tsdb

START_MS = 1_700_000_000_000
STEP_MS = 30_000
QUERIES = (
    "sum by (i) (rate(x_total[2m]))",
    "topk(2, x_total)",
    "x_total offset 1m",
    "max_over_time(sum(x_total)[5m:30s])",
    "stddev(x_total) + count(x_total @ 1700000600)",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Tsdb]:
    opened = Tsdb.open(tmp_path, ManualClock(START_MS + 3_600_000))
    yield opened
    opened.close()


class Boards:
    """Two engines on one store, one with a cache; every look must be the same in both."""

    def __init__(self, store: Tsdb) -> None:
        self._cached = Engine(store)
        self._plain = Engine(store, EngineOptions(range_cache_bytes=0))

    def look(self, end_ms: int) -> None:
        for query in QUERIES:
            asked = (query, end_ms - 40 * STEP_MS, end_ms, STEP_MS)
            cached, plain = self._cached.range(*asked).value, self._plain.range(*asked).value
            assert isinstance(cached, Matrix)
            assert isinstance(plain, Matrix)
            assert list(cached.labels) == list(plain.labels)
            bits = cached.values.view(np.int64), plain.values.view(np.int64)
            np.testing.assert_array_equal(*bits, err_msg=query)


def test_each_look_is_that_of_the_samples(store: Tsdb) -> None:
    boards, dice = Boards(store), np.random.default_rng(1)
    refs = [
        store.refs(f"source-{s}", [Labels.of("x_total", i=f"{s}-{n}") for n in range(3)])
        for s in range(4)
    ]
    totals = np.zeros((4, 3))
    for turn in range(120):
        at_ms = START_MS + turn * 15_000
        for source, own in enumerate(refs):
            if (turn + source) % 17:  # a scrape is missed now and then
                totals[source] += dice.integers(0, 5, 3)
                store.append_row(f"source-{source}", at_ms + source, own, totals[source])
        if turn % 20 == 7:  # late by up to ten minutes
            late_ms = at_ms - int(dice.integers(1, 600_000))
            store.append_row("late", late_ms, refs[0][:1], np.array([float(turn)]))
        if turn % 40 == 33:
            gone = (Matcher("=", "i", f"{turn % 4}-1"),)
            store.delete(gone, at_ms - 400_000, at_ms - 300_000)
        if turn % 2:
            boards.look(at_ms // STEP_MS * STEP_MS)
            boards.look(at_ms // STEP_MS * STEP_MS)
