"""A bounded queue between the app, which never waits, and an exporter, which may.

What finds no room, what the exporter gives up on, and what is left when the app ends is counted in
`tocsin_instrument_dropped_total`, by reason: queue_full, export_failed, shutdown.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from prometheus_client import Counter

from tocsin_instrument.background import BackgroundLoop

Item = TypeVar("Item")

CAPACITY = 8192
"""Items that wait at most: some seconds of a busy service, a few megabytes."""

BATCH = 512
"""Items of one export, as OpenTelemetry's own processors have it."""

INTERVAL_SECONDS = 1.0

_log = logging.getLogger("tocsin_instrument.export")


class ExportHealth:
    """Says once that exporting fails, and once that it works again, however often it is tried."""

    def __init__(self, signal: str) -> None:
        self._signal = signal
        self._works = True

    def note(self, works: bool) -> None:
        """Take the outcome of one export."""
        if works == self._works:
            return
        self._works = works
        if works:
            _log.info("exporting %s works again", self._signal)
        else:
            _log.warning(
                "exporting %s fails; tocsin_instrument_dropped_total counts what is lost. "
                "Check that the collector runs and OTEL_EXPORTER_OTLP_ENDPOINT is its address",
                self._signal,
            )


class Outbox(Generic[Item]):
    """Hands items to `export` in batches on a thread; `export` returns whether it succeeded."""

    def __init__(
        self,
        signal: str,
        export: Callable[[Sequence[Item]], bool],
        dropped: Counter,
        *,
        capacity: int = CAPACITY,
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self._export = export
        self._capacity = capacity
        self._items: deque[Item] = deque()
        self._queue_full = dropped.labels(signal, "queue_full")
        self._export_failed = dropped.labels(signal, "export_failed")
        self._after_end = dropped.labels(signal, "shutdown")
        self._health = ExportHealth(signal)
        self._closed = False
        self._loop = BackgroundLoop(signal, interval_seconds, self._drain)
        forget = weakref.WeakMethod(self._after_fork)
        os.register_at_fork(after_in_child=lambda: (method := forget()) and method())

    def put(self, item: Item) -> None:
        """Queue an item, or count it as dropped; never waits."""
        if self._closed:
            self._after_end.inc()
        elif len(self._items) >= self._capacity:
            self._queue_full.inc()
        else:
            self._items.append(item)
            self._loop.ensure_running()
            if len(self._items) == BATCH:
                self._loop.wake()

    def close(self, timeout_seconds: float, stop_exporter: Callable[[], None]) -> None:
        """Export what waits within the time; count the rest as dropped."""
        self._closed = True
        ended = self._loop.close(timeout_seconds)
        self._drop_rest()
        stop_exporter()
        if not ended:
            self._loop.close(timeout_seconds)

    def _after_fork(self) -> None:
        # What waited belongs to the parent, which exports it.
        self._items.clear()

    def _drain(self) -> None:
        while self._items:
            batch = [self._items.popleft() for _ in range(min(BATCH, len(self._items)))]
            try:
                works = self._export(batch)
            except Exception:
                _log.exception("exporting failed unexpectedly")
                works = False
            if not works:
                self._export_failed.inc(len(batch))
            self._health.note(works)

    def _drop_rest(self) -> None:
        rest = 0
        while True:
            try:
                self._items.popleft()
            except IndexError:
                break
            rest += 1
        self._after_end.inc(rest)
