"""Connections of HTTP clients: how many may be open, and how long one may take to ask.

uvicorn bounds neither, so that whoever opens connections and says little would use up the process's
files, of which the store needs its own.
"""

from __future__ import annotations

import asyncio
import resource

import h11
from prometheus_client import CollectorRegistry, Counter
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 4_096
"""Open connections, some 30 kB each; or half of the files that the process may open."""
READ_SECONDS = 60
"""From the first byte of a request to its last: senders of metrics give up sooner."""
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\n"
    b"content-length: 0\r\n\r\n"
)


class ConnectionMetrics:
    """Who was not listened to, by reason."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.refused = Counter(
            "tocsin_http_connections_refused_total",
            "Connections closed without an answer to a request: too_many are open, or the "
            "request came too_slow.",
            ("reason",),
            registry=registry,
        )


def raise_file_limit() -> int:
    """Let the process open as many files as it may ask for, as Go's do; answers how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):
        return soft
    return hard


def bounded(
    metrics: ConnectionMetrics, most: int, read_seconds: float = READ_SECONDS
) -> type[H11Protocol]:
    """uvicorn's protocol for at most so many connections, each with so long for a request."""

    class Bounded(H11Protocol):
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            if len(self.connections) > most:
                metrics.refused.labels("too_many").inc()
                transport.write(REFUSAL)
                transport.close()
            else:
                self._expect()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY):
                self._stop_waiting()
            elif self._deadline is None:
                self._expect()

        def _expect(self) -> None:
            self._deadline = self.loop.call_later(read_seconds, self._close_slow)

        def _stop_waiting(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _close_slow(self) -> None:
            metrics.refused.labels("too_slow").inc()
            self.transport.abort()

    return Bounded
