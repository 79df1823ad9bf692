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

from collector.ingest.http.proxy import DEFAULT_PORTS, Proxy
from collector.ingest.http.tls import TlsContexts

READ_BYTES = 256 * 1024
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Head:
    """What came before the body: header names are lower case."""

    status: int
    reason: str
    headers: Mapping[str, str]


class ConnectionLostError(OSError):
    """The server closed a connection before its answer was whole."""


class ProxyError(OSError):
    """A proxy does not let a connection through."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a server is reached: what its certificate is checked by, and the proxy before it."""

    tls: TlsContexts
    server_name: str = ""
    proxy: Proxy | None = None


class HttpConnection:
    """Sends GETs to the server of one URL."""

    def __init__(self, url: SplitResult, way: Way) -> None:
        self._host = url.hostname or ""
        self._port = url.port or DEFAULT_PORTS[url.scheme]
        self._secure = url.scheme == "https"
        self._origin = f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
        self._way = way
        self._streams: Streams | None = None
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
        request = self._request(target, headers)
        if self._streams is not None:
            try:
                return await self._exchange(self._streams, request, begin)
            except (ConnectionLostError, ConnectionResetError, BrokenPipeError):
                # an idle connection that the server has closed meanwhile says nothing of it
                self.close()
        self._streams = await self._open()
        return await self._exchange(self._streams, request, begin)

    def _request(self, target: str, headers: Sequence[tuple[str, str]]) -> h11.Request:
        """A proxy is asked for the whole URL of what it is to fetch in the clear."""
        proxy, told = self._way.proxy, list(headers)
        if proxy is not None and not self._secure:
            target = self._origin + target
            if proxy.authorization is not None:
                told.append(("Proxy-Authorization", proxy.authorization.reveal()))
        return h11.Request(method="GET", target=target, headers=told)

    async def _open(self) -> Streams:
        proxy = self._way.proxy
        context = self._way.tls.current() if self._secure else None
        if proxy is None:
            name = (self._way.server_name or self._host) if context else None
            return await asyncio.open_connection(
                self._host, self._port, ssl=context, server_hostname=name, limit=READ_BYTES
            )
        outer = ssl.create_default_context() if proxy.scheme == "https" else None
        streams = await asyncio.open_connection(proxy.host, proxy.port, ssl=outer, limit=READ_BYTES)
        if context is not None:
            await self._tunnel(streams, proxy, context)
        return streams

    async def _tunnel(self, streams: Streams, proxy: Proxy, context: ssl.SSLContext) -> None:
        """CONNECT (RFC 9110, 9.3.6), then TLS with the server itself."""
        reader, writer = streams
        host = f"[{self._host}]" if ":" in self._host else self._host
        lines = [f"CONNECT {host}:{self._port} HTTP/1.1", f"Host: {host}:{self._port}"]
        if proxy.authorization is not None:
            lines.append(f"Proxy-Authorization: {proxy.authorization.reveal()}")
        lines += [f"{name}: {value.reveal()}" for name, value in proxy.connect_headers]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        try:
            answer = await reader.readuntil(b"\r\n\r\n")
            status = answer.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            if len(status) < 2 or not status[1].startswith("2"):
                raise ProxyError(f"the proxy {proxy.url} answered {' '.join(status[1:])}")
            await writer.start_tls(context, server_hostname=self._way.server_name or self._host)
        except asyncio.IncompleteReadError as error:
            writer.close()
            raise ProxyError(f"the proxy {proxy.url} closed the connection") from error
        except BaseException:
            writer.close()
            raise

    async def _exchange(
        self,
        streams: Streams,
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
