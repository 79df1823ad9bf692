"""The series of objectives: made bit by bit, kept while others come and go, ended when they go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.matchers import Matcher
from collector.model.samples import is_stale
from collector.store.tsdb import Tsdb
from slo import publisher
from slo.burning import nothing_burns
from slo.judgement import Criteria
from slo.ledger import Counts
from slo.published import rows, series_count, series_of
from slo.publisher import Publisher

NOW = 1_700_000_000_000
TICK = 15_000
BUDGET = Matcher("=", "__name__", "tocsin_slo_budget_remaining_ratio")


class Board:
    """A store, and what is published to it; `bad` events of each objective by name."""

    def __init__(self, directory: Path) -> None:
        self.clock = ManualClock(NOW)
        self.store = Tsdb.open(directory, self.clock)
        self.refused: list = []
        self.publisher = Publisher(self.store, lambda *told: self.refused.append(told))

    def aim(self, objectives) -> None:
        self.criteria = Criteria(objectives)
        self.publisher.aim(self.criteria)

    def publish(self) -> None:
        self.clock.advance(TICK)
        now_ms = self.clock.now_ms()
        count = len(self.criteria.objectives)
        bad = np.array([float(one.name.removeprefix("o")) for one in self.criteria.objectives])
        total = np.full(count, 1e6)
        judgement = self.criteria.judge(
            now_ms,
            lambda window_ms: Counts(now_ms - window_ms, now_ms, bad, total),
            np.ones(count, np.bool_),
            nothing_burns(count),
        )
        self.publisher.publish(judgement, bad, total)

    def newest(self) -> dict[str, float]:
        """The budget that each objective's newest sample says; NaN where it ended."""
        now_ms = self.clock.now_ms()
        found = {}
        for part in self.store.select([BUDGET], now_ms - 1, now_ms):
            for labels, values in zip(part.labels, part.values, strict=True):
                ended = is_stale(values[-1:])[0]
                found[labels["slo"]] = None if ended else round(float(values[-1]), 6)
        return found


@pytest.fixture
def board(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(publisher, "REGISTERED_A_TICK", 2)
    made = Board(tmp_path)
    yield made
    made.store.close()


def test_objectives_that_begin_together_are_published_some_a_tick(board, objective) -> None:
    board.aim([objective(f"o{number}") for number in range(5)])
    board.publish()
    assert board.newest() == {"o0": 1.0, "o1": 0.999}
    board.publish()
    assert sorted(board.newest()) == ["o0", "o1", "o2", "o3"]
    board.publish()
    assert board.newest() == {f"o{n}": round(1 - n / 1000, 6) for n in range(5)}
    assert board.refused == []


def test_what_was_published_goes_on_while_others_come(board, objective) -> None:
    board.aim([objective("o1"), objective("o2")])
    board.publish()
    more = [objective(f"o{number}", days=days) for number, days in ((5, 7), (3, 30), (4, 7))]
    board.aim([more[0], objective("o2"), *more[1:], objective("o1")])
    board.publish()
    assert {"o1", "o2"} < board.newest().keys()
    board.publish()
    assert board.newest() == {f"o{n}": round(1 - n / 1000, 6) for n in range(1, 6)}


def test_the_series_of_who_is_gone_end_and_no_others(board, objective) -> None:
    board.aim([objective("o1"), objective("o2")])
    board.publish()
    board.aim([objective("o2"), objective("o3"), objective("o4"), objective("o5")])
    board.aim([objective("o2")])
    board.publish()
    assert board.newest() == {"o1": None, "o2": 0.998}
    board.publish()
    assert board.newest() == {"o2": 0.998}


def test_a_row_has_a_value_for_each_series_of_an_objective(board, objective) -> None:
    board.aim([objective("o1"), objective("o2", days=7)])
    board.publish()
    for policy in board.criteria.policies:
        series = series_of(board.criteria.objectives[policy.columns[0]], policy)
        assert len(set(series)) == len(series) == series_count(policy)
        judgement = board.criteria.judge(
            NOW,
            lambda _: Counts(0, NOW, np.ones(2), np.ones(2)),
            np.ones(2, bool),
            nothing_burns(2),
        )
        ones = np.ones(2)
        assert len(rows(judgement, policy, ones, ones)) == len(series)
