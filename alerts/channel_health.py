"""`ChannelHealth`: how one integration does, for pages and the API; `HealthLog` keeps it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

from alerts.self_metrics import AlertMetrics


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """How one integration does; times are milliseconds since 1970, 0 for never."""

    integration: str
    receiver: str
    channel: str
    healthy: bool
    queued: int
    sent: int
    failed_attempts: int
    last_success_ms: int
    last_failure_ms: int
    last_error: str
    waits_until_ms: int


class HealthLog:
    """Counts what becomes of an integration's messages, here and in the metrics. Thread-safe."""

    def __init__(self, integration: str, receiver: str, kind: str, metrics: AlertMetrics) -> None:
        labels = (receiver, kind)
        self._metrics, self._labels = metrics, labels
        self._lock = threading.Lock()
        self._health = ChannelHealth(integration, *labels, True, 0, 0, 0, 0, 0, "", 0)
        self._failing_since_ms = 0
        metrics.healthy.labels(*labels).set(1)
        for counter in (metrics.sent, metrics.digested):
            counter.labels(*labels)
        self.queued(0)

    def queued(self, count: int) -> None:
        """How many messages wait."""
        self._metrics.queued.labels(*self._labels).set(count)

    def took(self, seconds: float) -> None:
        """How long an attempt took."""
        self._metrics.send_seconds.labels(self._labels[1]).observe(seconds)

    def sent(self, now_ms: int) -> None:
        """A message was taken."""
        self._metrics.sent.labels(*self._labels).inc()
        self._metrics.healthy.labels(*self._labels).set(1)
        with self._lock:
            self._failing_since_ms = 0
            self._health = replace(
                self._health, healthy=True, sent=self._health.sent + 1, last_success_ms=now_ms
            )

    def digested(self, messages: int) -> None:
        """So many were told within one message."""
        self._metrics.digested.labels(*self._labels).inc(messages)

    def templates_failed(self, count: int) -> None:
        """Texts of the user's that failed."""
        self._metrics.template_failures.labels(*self._labels).inc(count)

    def failed(self, now_ms: int, error: str, *, permanent: bool) -> int:
        """An attempt failed; gives for how many milliseconds they have been failing."""
        self._metrics.failed_attempts.labels(*self._labels, str(permanent).lower()).inc()
        self._metrics.healthy.labels(*self._labels).set(0)
        with self._lock:
            self._failing_since_ms = self._failing_since_ms or now_ms
            self._health = replace(
                self._health,
                healthy=False,
                failed_attempts=self._health.failed_attempts + 1,
                last_failure_ms=now_ms,
                last_error=error,
            )
            return now_ms - self._failing_since_ms

    def view(self, queued: int, waits_until_ms: int) -> ChannelHealth:
        """How it does."""
        with self._lock:
            return replace(self._health, queued=queued, waits_until_ms=waits_until_ms)
