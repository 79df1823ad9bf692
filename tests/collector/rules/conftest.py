"""A world for rules, that may be opened again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collector.model.clock import ManualClock
from collector.store.tsdb import Tsdb
from tests.oracles.rules_world import START_MS, World, world_on


@pytest.fixture
def open_world(tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Opens the store again and again, as restarts do."""
    opened: list[Tsdb] = []

    def open_() -> World:
        for store in opened:
            store.close()
        opened.clear()
        (tmp_path / "store").mkdir(exist_ok=True)
        clock = ManualClock(START_MS)
        store = Tsdb.open(tmp_path / "store", clock)
        opened.append(store)
        return world_on(store, clock)

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def world(open_world: Callable[[], World]) -> World:
    return open_world()
