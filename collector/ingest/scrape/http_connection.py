"""One HTTP/1.1 connection to one server, kept open from scrape to scrape.

A scraper has one connection a target and one request at a time on it: a pooled client would look
through all its connections at each request. The protocol itself is h11's.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult

import h11

READ_BYTES = 256 * 1024
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Head:
    """What came before the body: header names are lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]


class ConnectionLostError(OSError):
    """The server closed a connection before its answer was whole."""


class HttpConnection:
    """Sends GETs to the server of one URL."""

    def __init__(self, url: SplitResult, tls: ssl.SSLContext) -> None:
        self._host = url.hostname or ""
        self._port = url.port or DEFAULT_PORTS[url.scheme]
        self._tls = tls if url.scheme == "https" else None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._protocol = h11.Connection(h11.CLIENT)

    async def get(
        self,
        target: str,
        headers: Sequence[tuple[str, str]],
        begin: Callable[[Head], Callable[[bytes], None]],
    ) -> Head:
        """GET `target`, a path with its query.

        `begin` takes the head and gives what takes the body's chunks. Raises OSError and
        h11.ProtocolError; whatever is raised, the connection is closed and made anew next time.
        """
        try:
            return await self._get(target, headers, begin)
        except BaseException:
            self.close()
            raise

    async def _get(
        self,
        target: str,
        headers: Sequence[tuple[str, str]],
        begin: Callable[[Head], Callable[[bytes], None]],
    ) -> Head:
        request = h11.Request(method="GET", target=target, headers=list(headers))
        if self._streams is not None:
            try:
                return await self._exchange(self._streams, request, begin)
            except (ConnectionLostError, ConnectionResetError, BrokenPipeError):
                # an idle connection that the server has closed meanwhile says nothing of it
                self.close()
        reader, writer = await asyncio.open_connection(
            self._host, self._port, ssl=self._tls, limit=READ_BYTES
        )
        self._streams = (reader, writer)
        return await self._exchange(self._streams, request, begin)

    async def _exchange(
        self,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        request: h11.Request,
        begin: Callable[[Head], Callable[[bytes], None]],
    ) -> Head:
        reader, writer = streams
        protocol = self._protocol
        writer.write((protocol.send(request) or b"") + (protocol.send(h11.EndOfMessage()) or b""))
        head: Head | None = None
        take: Callable[[bytes], None] | None = None
        while True:
            event = protocol.next_event()
            if event is h11.NEED_DATA:
                chunk = await reader.read(READ_BYTES)
                if not chunk and head is None:
                    raise ConnectionLostError("the server closed the connection without an answer")
                protocol.receive_data(chunk)
            elif isinstance(event, h11.Response):
                head = _head(event)
                take = begin(head)
            elif isinstance(event, h11.Data) and take is not None:
                take(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                self._be_ready_again()
                return head
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionLostError("the server closed the connection in its answer")

    def _be_ready_again(self) -> None:
        protocol = self._protocol
        if protocol.our_state is h11.DONE and protocol.their_state is h11.DONE:
            protocol.start_next_cycle()
        else:
            self.close()

    def close(self) -> None:
        """Close now; the next GET opens a connection again."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None
        self._protocol = h11.Connection(h11.CLIENT)


def _head(response: h11.Response) -> Head:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
    return Head(response.status_code, response.reason.decode("latin-1"), headers)
