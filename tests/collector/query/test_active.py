import importlib
import logging
import threading
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock, SystemClock
from collector.model.errors import CancelledError, UnavailableError
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.query.engine import Engine, EngineOptions
from collector.store.interface import Slice

MemoryStore = importlib.import_module("tests.oracles.memory_store").MemoryStore


class SlowStore(MemoryStore):  # type: ignore[misc, valid-type]
    """Waits in `select` until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go = threading.Event(), threading.Event()
        self.add(Labels.of("x"), [0, 15_000], [1.0, 2.0])

    def select(self, matchers: Sequence[Matcher], after_ms: int, until_ms: int) -> list[Slice]:
        self.reached.set()
        assert self.go.wait(20)
        found: list[Slice] = super().select(matchers, after_ms, until_ms)
        return found


class Asking(threading.Thread):
    """One query in a thread of its own; keeps what came of it."""

    def __init__(self, engine: Engine, query: str) -> None:
        super().__init__()
        self.engine, self.query = engine, query
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self.engine.instant(self.query, 15_000)
        except Exception as error:  # the test looks at it
            self.error = error


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


def _wait_for(engine: Engine, count: int) -> None:
    for _ in range(1000):
        if len(engine.active.list()) == count:
            return
        threading.Event().wait(0.01)
    pytest.fail(f"{engine.active.list()}")


def test_running_and_waiting_queries_are_listed(store: SlowStore) -> None:
    engine = Engine(store, EngineOptions(max_concurrency=1), SystemClock())
    first = Asking(engine, "x")
    assert store.reached.wait(20)
    second = Asking(engine, "x + 1")
    _wait_for(engine, 2)
    listed = engine.active.list()
    assert [(one.query, one.queued) for one in listed] == [("x", False), ("x + 1", True)]
    assert listed[0].grid.start_ms == 15_000
    assert listed[0].seconds >= listed[1].seconds
    store.go.set()
    first.join(20)
    second.join(20)
    assert (first.error, second.error) == (None, None)
    assert engine.active.list() == []


def test_a_running_query_ends_when_it_is_killed(store: SlowStore) -> None:
    engine = Engine(store)
    asking = Asking(engine, "sum(x)")
    assert store.reached.wait(20)
    assert engine.active.kill(engine.active.list()[0].id)
    store.go.set()
    asking.join(20)
    assert isinstance(asking.error, CancelledError)
    assert asking.error.message == "query was canceled in expression evaluation"


def test_a_waiting_query_ends_when_it_is_killed(store: SlowStore) -> None:
    engine = Engine(store, EngineOptions(max_concurrency=1))
    first = Asking(engine, "x")
    assert store.reached.wait(20)
    second = Asking(engine, "x + 1")
    _wait_for(engine, 2)
    assert engine.active.kill(engine.active.list()[1].id)
    second.join(20)
    assert isinstance(second.error, CancelledError)
    assert second.error.message == "query was canceled in query queue"
    store.go.set()
    first.join(20)
    assert first.error is None


def test_there_is_nothing_to_kill_of_an_unknown_id(store: SlowStore) -> None:
    assert not Engine(store).active.kill(7)


def test_a_query_that_finds_no_place_in_time_says_so(store: SlowStore) -> None:
    engine = Engine(store, EngineOptions(max_concurrency=1, timeout_seconds=0.2))
    first = Asking(engine, "x")
    assert store.reached.wait(20)
    with pytest.raises(UnavailableError, match="query timed out in query queue"):
        engine.instant("x", 15_000)
    store.go.set()
    first.join(20)


def test_a_slow_query_is_told_to_the_log_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    clock, registry = ManualClock(), CollectorRegistry()

    class Late(MemoryStore):  # type: ignore[misc, valid-type]
        def select(self, *given: object) -> list[Slice]:
            clock.advance(3_000)
            return []

    engine = Engine(Late(), EngineOptions(slow_query_seconds=2), clock, registry)
    with caplog.at_level(logging.WARNING):
        engine.instant("x", 0)
        engine.instant("1", 0)
    assert [one.getMessage() for one in caplog.records] == [
        "slow query: 3.000 s, 0 samples, 0 to 0 ms each 1 ms: x"
    ]
    assert registry.get_sample_value("tocsin_queries_slow_total") == 1
