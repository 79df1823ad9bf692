"""Reads one HTTP/1.1 answer from the bytes of a connection as they come; knows no socket.

The protocol is h11's. The usual answer, a 200 that says its length, is read without it, which
halves the cost of a scrape outside parsing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import h11

MAX_HEAD_BYTES = 256 * 1024
"""A head that is longer is none."""
_HEAD_END = b"\r\n\r\n"
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


class AnswerReader:
    """One answer to `request`; `begin` takes its head and gives what takes the body's chunks.

    `is_reusable`, once it is whole: whether another request may go over the same connection.
    """

    def __init__(
        self, request: h11.Request, begin: Callable[[Head], Callable[[bytes], None]]
    ) -> None:
        self.head: Head | None = None
        self.is_whole = False
        self.is_reusable = False
        self._request = request
        self._begin = begin
        self._first = b""
        self._left = -1
        self._take: Callable[[bytes], None] | None = None
        self._protocol: h11.Connection | None = None

    def feed(self, data: bytes) -> None:
        """The next bytes. Raises h11.ProtocolError, OSError and what the taker of chunks raises."""
        if self._protocol is not None:
            self._protocol.receive_data(data)
            self._read_events(self._protocol)
        elif self._left >= 0:
            self._read_plain(data)
        else:
            self._read_head(data)

    def end(self) -> None:
        """No more bytes come. Raises likewise when the answer is not whole by that."""
        if self._protocol is None and self._left < 0 and self._first:
            self._protocol = self._sent()
            self._protocol.receive_data(self._first)
        if self._protocol is not None:
            self._protocol.receive_data(b"")
            self._read_events(self._protocol)
        if not self.is_whole:
            what = "in" if self._first else "without"
            raise ConnectionLostError(f"the server closed the connection {what} its answer")

    def _read_head(self, data: bytes) -> None:
        self._first += data
        end = self._first.find(_HEAD_END)
        if end < 0:
            if len(self._first) > MAX_HEAD_BYTES:
                raise h11.RemoteProtocolError("the head of the answer is too large")
            return
        end += len(_HEAD_END)
        plain = _plain_head(self._first[:end])
        if plain is None:
            self._protocol = self._sent()
            self._protocol.receive_data(self._first)
            self._read_events(self._protocol)
            return
        self.head = plain
        self._take = self._begin(plain)
        self._left = int(plain.headers["content-length"])
        self._read_plain(self._first[end:])

    def _read_plain(self, data: bytes) -> None:
        assert self._take is not None and self.head is not None  # noqa: S101, PT018
        surplus = len(data) - self._left
        if data:
            self._take(data if surplus <= 0 else data[: self._left])
        self._left = max(-surplus, 0)
        if not self._left:
            self.is_whole = True
            asked_to = self.head.headers.get("connection", "").lower()
            self.is_reusable = surplus <= 0 and "close" not in asked_to

    def _sent(self) -> h11.Connection:
        protocol = h11.Connection(h11.CLIENT)
        protocol.send(self._request)
        protocol.send(h11.EndOfMessage())
        return protocol

    def _read_events(self, protocol: h11.Connection) -> None:
        while (event := protocol.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.Response):
                self.head = _head(event)
                self._take = self._begin(self.head)
            elif isinstance(event, h11.Data) and self._take is not None:
                self._take(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                self.is_whole = True
                self.is_reusable = protocol.our_state is h11.DONE is protocol.their_state
                return
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionLostError("the server closed the connection in its answer")


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


def _head(response: h11.Response) -> Head:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
    return Head(response.status_code, response.reason.decode("latin-1"), headers)
