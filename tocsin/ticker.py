"""`Ticker`: a thread that calls one task at each multiple of its interval, whatever the task does.

An error is logged and counted and the next tick comes all the same; a tick that takes longer than
the interval skips the missed ones instead of piling them up.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram

from collector.model.clock import Clock

log = logging.getLogger(__name__)

STOP_PATIENCE_SECONDS = 30.0


class TickMetrics:
    """How long each task takes, and how often it fails."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.duration_seconds = Histogram(
            "tocsin_tick_duration_seconds",
            "Time that one tick of a task took.",
            ("task",),
            registry=registry,
        )
        self.failures = Counter(
            "tocsin_tick_failures",
            "Ticks of a task that ended in an error.",
            ("task",),
            registry=registry,
        )


class Ticker:
    """Calls `task(now_ms)` every `interval_ms` in a thread of its own, named after it."""

    def __init__(
        self,
        name: str,
        interval_ms: int,
        task: Callable[[int], None],
        clock: Clock,
        metrics: TickMetrics,
    ) -> None:
        self.interval_ms = interval_ms
        self._name = name
        self._task = task
        self._clock = clock
        self._stopping = threading.Event()
        self._duration = metrics.duration_seconds.labels(name)
        self._failures = metrics.failures.labels(name)
        self._thread = threading.Thread(target=self._run, name=f"tocsin-{name}", daemon=True)

    def start(self) -> None:
        """Begin to tick; the first tick comes at the next multiple of the interval."""
        self._thread.start()

    def stop(self) -> None:
        """Let a running tick end, and begin no other."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_PATIENCE_SECONDS)

    def tick(self) -> None:
        """One tick now."""
        with self._duration.time():
            try:
                self._task(self._clock.now_ms())
            except Exception:
                self._failures.inc()
                log.exception("the task %s failed; it is tried again at its next tick", self._name)

    def _run(self) -> None:
        while not self._stopping.wait(self._seconds_to_next()):
            self.tick()

    def _seconds_to_next(self) -> float:
        return (self.interval_ms - self._clock.now_ms() % self.interval_ms) / 1000
