"""One HTTP/1.1 connection to one server, kept open from scrape to scrape.

A scraper has one connection a target and one request at a time on it: a pooled client would look
through all its connections at each request. Bytes are read where they arrive, so that whoever waits
is woken once an answer, not once a chunk.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast
from urllib.parse import SplitResult

import h11

from collector.ingest.http.proxy import DEFAULT_PORTS, Proxy
from collector.ingest.http.tls import TlsContexts
from collector.ingest.scrape.answer_reader import AnswerReader, ConnectionLostError, Head

READ_BYTES = 64 * 1024
_CUT_OFF = (ConnectionLostError, ConnectionResetError, BrokenPipeError)


class ProxyError(OSError):
    """A proxy does not let a connection through."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a server is reached: what its certificate is checked by, and the proxy before it."""

    tls: TlsContexts
    server_name: str = ""
    proxy: Proxy | None = None


class _Reader(Protocol):
    """What takes the bytes of an answer."""

    is_whole: bool

    def feed(self, data: bytes) -> None:
        """The next bytes."""

    def end(self) -> None:
        """No more bytes come."""


class _Wire(asyncio.BufferedProtocol):
    """Hands the bytes of a connection to the reader of the answer that is waited for."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.is_open = True
        self._reader: _Reader | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._room: memoryview | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # a stream's is; not by its type

    def exchange(self, request: bytes, reader: _Reader) -> asyncio.Future[None]:
        """Done when the reader has a whole answer to the request."""
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        self._reader = reader
        if self.is_open:
            self.transport.write(request)
        else:
            self._conclude(ConnectionLostError("the server closed the connection meanwhile"))
        return waiter

    def get_buffer(self, sizehint: int) -> memoryview:
        if self._room is None:
            self._room = memoryview(bytearray(READ_BYTES))
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        reader, room = self._reader, self._room
        if reader is None or room is None:  # bytes that nobody asked for
            self.is_open = False
            self.transport.abort()
            return
        try:
            reader.feed(bytes(room[:nbytes]))
        except Exception as error:
            self._conclude(error)
            return
        if reader.is_whole:
            self._conclude(None)

    def eof_received(self) -> None:
        self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)

    def _end(self, error: Exception | None) -> None:
        self.is_open = False
        if self._reader is not None and error is None:
            try:
                self._reader.end()
            except Exception as raised:
                error = raised
        self._conclude(error)

    def _conclude(self, error: Exception | None) -> None:
        waiter = self._waiter
        self._reader = self._waiter = self._room = None
        if waiter is None or waiter.done():
            return
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)


class _TunnelReader:
    """The answer to CONNECT: a head alone."""

    def __init__(self, proxy: Proxy) -> None:
        self.is_whole = False
        self._proxy = proxy
        self._answer = b""

    def feed(self, data: bytes) -> None:
        self._answer += data
        self.is_whole = b"\r\n\r\n" in self._answer

    def end(self) -> None:
        raise ProxyError(f"the proxy {self._proxy.url} closed the connection")

    def check(self) -> None:
        """Raises ProxyError when the answer is not yes."""
        status = self._answer.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        if len(status) < 2 or not status[1].startswith("2"):
            raise ProxyError(f"the proxy {self._proxy.url} answered {' '.join(status[1:])}")


class HttpConnection:
    """Sends GETs to the server of one URL."""

    def __init__(self, url: SplitResult, way: Way) -> None:
        self._host = url.hostname or ""
        self._port = url.port or DEFAULT_PORTS[url.scheme]
        self._secure = url.scheme == "https"
        self._origin = f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
        self._way = way
        self._wire: _Wire | None = None
        self._said: tuple[str, Sequence[tuple[str, str]]] = ("", ())
        self._request = h11.Request(method="GET", target="/", headers=[("Host", "")])
        self._request_bytes = b""

    async def get(
        self,
        target: str,
        headers: Sequence[tuple[str, str]],
        begin: Callable[[Head], Callable[[bytes], None]],
    ) -> Head:
        """GET `target`, a path with its query.

        `begin` takes the head and gives what takes the body's chunks. Raises OSError,
        h11.ProtocolError and what these raise; whatever is raised, the connection is closed and
        made anew next time.
        """
        try:
            self._prepare(target, headers)
            if self._wire is not None:
                try:
                    return await self._exchange(self._wire, begin)
                except _CUT_OFF:
                    # an idle connection that the server has closed meanwhile says nothing of it
                    self.close()
            self._wire = await self._open()
            return await self._exchange(self._wire, begin)
        except BaseException:
            self.close()
            raise

    async def _exchange(
        self, wire: _Wire, begin: Callable[[Head], Callable[[bytes], None]]
    ) -> Head:
        reader = AnswerReader(self._request, begin)
        await wire.exchange(self._request_bytes, reader)
        if not reader.is_reusable:
            self.close()
        if reader.head is None:
            raise ConnectionLostError("the server closed the connection without an answer")
        return reader.head

    def _prepare(self, target: str, headers: Sequence[tuple[str, str]]) -> None:
        """The request and its bytes, which mostly are those of the time before."""
        if self._said == (target, headers):
            return
        self._request = self._request_for(target, headers)
        protocol = h11.Connection(h11.CLIENT)
        self._request_bytes = (protocol.send(self._request) or b"") + (
            protocol.send(h11.EndOfMessage()) or b""
        )
        self._said = (target, headers)

    def _request_for(self, target: str, headers: Sequence[tuple[str, str]]) -> h11.Request:
        """A proxy is asked for the whole URL of what it is to fetch in the clear."""
        proxy, told = self._way.proxy, list(headers)
        if proxy is not None and not self._secure:
            target = self._origin + target
            if proxy.authorization is not None:
                told.append(("Proxy-Authorization", proxy.authorization.reveal()))
        return h11.Request(method="GET", target=target, headers=told)

    async def _open(self) -> _Wire:
        proxy, loop = self._way.proxy, asyncio.get_running_loop()
        context = self._way.tls.current() if self._secure else None
        if proxy is None:
            name = (self._way.server_name or self._host) if context else None
            _, wire = await loop.create_connection(
                _Wire, self._host, self._port, ssl=context, server_hostname=name
            )
            return wire
        outer = ssl.create_default_context() if proxy.scheme == "https" else None
        _, wire = await loop.create_connection(_Wire, proxy.host, proxy.port, ssl=outer)
        if context is not None:
            await self._tunnel(wire, proxy, context)
        return wire

    async def _tunnel(self, wire: _Wire, proxy: Proxy, context: ssl.SSLContext) -> None:
        """CONNECT (RFC 9110, 9.3.6), then TLS with the server itself."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        lines = [f"CONNECT {host}:{self._port} HTTP/1.1", f"Host: {host}:{self._port}"]
        if proxy.authorization is not None:
            lines.append(f"Proxy-Authorization: {proxy.authorization.reveal()}")
        lines += [f"{name}: {value.reveal()}" for name, value in proxy.connect_headers]
        try:
            answer = _TunnelReader(proxy)
            await wire.exchange(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), answer)
            answer.check()
            name = self._way.server_name or self._host
            loop = asyncio.get_running_loop()
            transport = await loop.start_tls(wire.transport, wire, context, server_hostname=name)
            wire.transport = cast(asyncio.Transport, transport)
        except BaseException:
            wire.transport.abort()
            raise

    def close(self) -> None:
        """Close now; the next GET opens a connection again."""
        if self._wire is not None:
            self._wire.transport.close()
        self._wire = None
