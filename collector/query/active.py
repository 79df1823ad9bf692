"""`ActiveQueries`: the places in which queries run; who is in one or waits can be seen and ended.

A query that finds all places taken waits as long as it may take. One that took longer than
`slow_seconds` is told to the log when it is done.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition

from collector.model.clock import Clock
from collector.model.errors import CancelledError, UnavailableError
from collector.query.grid import Grid
from collector.query.operators.interface import Budget
from collector.query.self_metrics import QueryMetrics

log = logging.getLogger(__name__)

LOGGED_CHARACTERS = 2_000
"""Of a query's text in the log of slow ones: a line stays one that people can read."""


@dataclass(frozen=True, slots=True)
class ActiveQuery:
    """A query that runs (or waits: `queued`); `samples` were loaded or made so far."""

    id: int
    query: str
    grid: Grid
    since_ms: int
    seconds: float
    samples: int
    queued: bool


@dataclass(slots=True)
class _Entry:
    id: int
    query: str
    grid: Grid
    since_ms: int
    began_seconds: float
    budget: Budget
    queued: bool = True


class ActiveQueries:
    """At most `places` run at once; safe from any thread."""

    def __init__(
        self, clock: Clock, places: int, slow_seconds: float, metrics: QueryMetrics
    ) -> None:
        self._clock = clock
        self._places = places
        self._slow_seconds = slow_seconds
        self._metrics = metrics
        metrics.places.set(places)
        self._changed = Condition()
        self._entries: dict[int, _Entry] = {}
        self._running = 0
        self._next_id = 1

    @contextmanager
    def place(self, query: str, grid: Grid, budget: Budget) -> Iterator[float]:
        """A place for one query; gives the seconds that it waited.

        Raises UnavailableError when none was free in time, CancelledError when it was ended.
        """
        entry = self._enter(query, grid, budget)
        try:
            self._wait(entry)
            yield self._clock.monotonic_seconds() - entry.began_seconds
        finally:
            self._leave(entry)

    def list(self) -> list[ActiveQuery]:
        """All that run or wait, oldest first."""
        now = self._clock.monotonic_seconds()
        with self._changed:
            return [
                ActiveQuery(
                    one.id,
                    one.query,
                    one.grid,
                    one.since_ms,
                    now - one.began_seconds,
                    one.budget.samples,
                    one.queued,
                )
                for one in self._entries.values()
            ]

    def kill(self, query_id: int) -> bool:
        """End a query at its next look at its budget; False when there is none of this id."""
        with self._changed:
            entry = self._entries.get(query_id)
            if entry is None:
                return False
            entry.budget.cancelled = True
            self._changed.notify_all()
            return True

    def _enter(self, query: str, grid: Grid, budget: Budget) -> _Entry:
        began, now_ms = self._clock.monotonic_seconds(), self._clock.now_ms()
        with self._changed:
            entry = _Entry(self._next_id, query, grid, now_ms, began, budget)
            self._entries[entry.id] = entry
            self._next_id += 1
        return entry

    def _wait(self, entry: _Entry) -> None:
        patience = max(entry.budget.deadline_seconds - entry.began_seconds, 0.0)
        with self._changed:
            self._changed.wait_for(
                lambda: self._running < self._places or entry.budget.cancelled, patience
            )
            if entry.budget.cancelled:
                raise CancelledError("query was canceled in query queue")
            if self._running >= self._places:
                raise UnavailableError(
                    "query timed out in query queue",
                    advice=f"{self._places} queries are running: try again, or ask for less",
                )
            entry.queued = False
            self._running += 1
            self._metrics.running.set(self._running)

    def _leave(self, entry: _Entry) -> None:
        seconds = self._clock.monotonic_seconds() - entry.began_seconds
        with self._changed:
            del self._entries[entry.id]
            if not entry.queued:
                self._running -= 1
                self._metrics.running.set(self._running)
            self._changed.notify()
        self._metrics.seconds.observe(seconds)
        if seconds >= self._slow_seconds > 0:
            self._metrics.slow.inc()
            log.warning(
                "slow query: %.3f s, %d samples, %d to %d ms each %d ms: %s",
                seconds,
                entry.budget.samples,
                entry.grid.start_ms,
                entry.grid.end_ms,
                entry.grid.step_ms,
                entry.query[:LOGGED_CHARACTERS],
            )
