"""One HTTP/1.1 connection to one server, kept open from scrape to scrape.

A scraper has one connection a target and one request at a time on it: a pooled client would look
through all its connections at each request. The protocol itself is h11's; the usual answer, a 200
with its length said, is read without it, which halves the cost of a scrape outside parsing.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult

import h11

from collector.ingest.http.proxy import DEFAULT_PORTS, Proxy
from collector.ingest.http.tls import TlsContexts

READ_BYTES = 256 * 1024
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_PLAIN_HEAD = re.compile(
    rb"HTTP/1\.1 200 ([ -~]*)\r\n((?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~]*\r\n)*)\r\n"
)
_BEYOND_PLAIN = frozenset({"transfer-encoding", "upgrade"})


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
        self._prepare(target, headers)
        if self._streams is not None:
            try:
                return await self._exchange(self._streams, begin)
            except (ConnectionLostError, ConnectionResetError, BrokenPipeError):
                # an idle connection that the server has closed meanwhile says nothing of it
                self.close()
        self._streams = await self._open()
        return await self._exchange(self._streams, begin)

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
        begin: Callable[[Head], Callable[[bytes], None]],
    ) -> Head:
        reader, writer = streams
        writer.write(self._request_bytes)
        try:
            first = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            first = error.partial
        except asyncio.LimitOverrunError as error:
            raise h11.RemoteProtocolError("the head of the answer is too large") from error
        if not first:
            raise ConnectionLostError("the server closed the connection without an answer")
        plain = _plain_head(first)
        if plain is None:
            return await self._read_with_h11(reader, first, begin)
        await _read_body(reader, int(plain.headers["content-length"]), begin(plain))
        if "close" in plain.headers.get("connection", "").lower():
            self.close()
        return plain

    async def _read_with_h11(
        self,
        reader: asyncio.StreamReader,
        first: bytes,
        begin: Callable[[Head], Callable[[bytes], None]],
    ) -> Head:
        """An answer that begins with these bytes, whatever form it has."""
        protocol = self._protocol
        protocol.send(self._request)
        protocol.send(h11.EndOfMessage())
        protocol.receive_data(first)
        head: Head | None = None
        take: Callable[[bytes], None] | None = None
        while True:
            event = protocol.next_event()
            if event is h11.NEED_DATA:
                protocol.receive_data(await reader.read(READ_BYTES))
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


def _plain_head(first: bytes) -> Head | None:
    """A 200 that says the length of its body in the plainest way (RFC 9112, 6.3); else None."""
    found = _PLAIN_HEAD.fullmatch(first)
    if found is None:
        return None
    lines = [line.partition(":") for line in found[2].decode("ascii").split("\r\n")[:-1]]
    headers = {name.lower(): value.strip(" \t") for name, _, value in lines}
    usual = len(headers) == len(lines) and not _BEYOND_PLAIN & headers.keys()
    if not usual or not headers.get("content-length", "").isdecimal():
        return None
    return Head(200, found[1].decode("ascii"), headers)


async def _read_body(
    reader: asyncio.StreamReader, length: int, take: Callable[[bytes], None]
) -> None:
    left = length
    while left:
        chunk = await reader.read(min(left, READ_BYTES))
        if not chunk:
            raise ConnectionLostError("the server closed the connection in its answer")
        left -= len(chunk)
        take(chunk)


def _head(response: h11.Response) -> Head:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
    return Head(response.status_code, response.reason.decode("latin-1"), headers)
