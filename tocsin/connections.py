"""Connections of HTTP clients: how many may be open, how long one may take to ask, and with how
long a head.

uvicorn bounds none of it, so that whoever opens connections and says little would use up the
process's files, of which the store needs its own; and who never ends a head, its memory.
"""

from __future__ import annotations

import asyncio
import resource
from typing import ClassVar

from prometheus_client import CollectorRegistry, Counter
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_CONNECTIONS = 4_096
"""Open connections, some 30 kB each; or half of the files that the process may open."""
READ_SECONDS = 60
"""From the first byte of a request to its last: senders of metrics give up sooner."""
MAX_HEAD_BYTES = 65_536
"""Of what is no body: request line and headers, or trailers; h11's own limit."""
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


class Bounded(HttpToolsProtocol):
    """uvicorn's protocol with bounds; see `bounded`."""

    refusals: ClassVar[ConnectionMetrics]
    most_open: ClassVar[int]
    wait_seconds: ClassVar[float]

    _deadline: asyncio.TimerHandle | None = None
    _is_whole = False
    """Whether the last request that was begun has come to its end."""
    _head_bytes = 0
    """Bytes since a head has ended, or some of a body has come."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """One more, or one too many."""
        super().connection_made(transport)
        if len(self.connections) > self.most_open:
            self.refusals.refused.labels("too_many").inc()
            transport.write(REFUSAL)
            transport.close()
        else:
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """There is nothing to wait for."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A piece of a request, or several requests."""
        self._is_whole = False
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The head is longer than {MAX_HEAD_BYTES} bytes.")
        if self._is_whole:
            self._stop_waiting()
            self._keep_alive_after_refusal()
        elif self._deadline is None:
            self._expect()

    def on_message_begin(self) -> None:
        """The parser has found a first byte."""
        self._is_whole = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The parser has found a head's end."""
        self._head_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """The parser has found a piece of a body."""
        self._head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The parser has found a request's end."""
        self._is_whole, self._head_bytes = True, 0
        super().on_message_complete()

    def _keep_alive_after_refusal(self) -> None:
        """The rest of a body that was answered before its end has stopped uvicorn's timer."""
        if self.cycle is not None and self.cycle.response_complete:
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _expect(self) -> None:
        self._deadline = self.loop.call_later(self.wait_seconds, self._close_slow)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _close_slow(self) -> None:
        if self._owes_an_answer():
            self._expect()
            return
        self.refusals.refused.labels("too_slow").inc()
        self.transport.abort()

    def _owes_an_answer(self) -> bool:
        """Who sends the next request early is not hurried before the first is answered."""
        if self.pipeline:
            return True
        cycle = self.cycle
        return cycle is not None and not cycle.more_body and not cycle.response_complete


def bounded(
    metrics: ConnectionMetrics, most: int, read_seconds: float = READ_SECONDS
) -> type[Bounded]:
    """The protocol for at most so many connections, each with so long for a request."""

    class Configured(Bounded):
        refusals, most_open, wait_seconds = metrics, most, read_seconds

    return Configured
