"""Answers read byte by byte, all at once and cut short, by the plain road and by h11's."""

from __future__ import annotations

from collections.abc import Callable

import h11
import pytest

from collector.ingest.scrape.answer_reader import AnswerReader, ConnectionLostError, Head

REQUEST = h11.Request(method="GET", target="/metrics", headers=[("Host", "x")])
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nup 1\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nup \r\n2\r\n1\n\r\n0\r\n\r\n"
UNTIL_CLOSED = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nup 1\n"


def reader_of(body: bytearray) -> AnswerReader:
    def begin(head: Head) -> Callable[[bytes], None]:
        assert head.status == 200
        return body.extend

    return AnswerReader(REQUEST, begin)


@pytest.mark.parametrize("answer", [PLAIN, CHUNKED])
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_an_answer_is_the_same_however_its_bytes_arrive(answer: bytes, step: int) -> None:
    body = bytearray()
    reader = reader_of(body)
    for first in range(0, len(answer), step):
        assert not reader.is_whole
        reader.feed(answer[first : first + step])
    assert (bytes(body), reader.is_whole, reader.is_reusable) == (b"up 1\n", True, True)


def test_an_empty_body_is_whole_with_its_head() -> None:
    body = bytearray()
    reader = reader_of(body)
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert (bytes(body), reader.is_whole, reader.is_reusable) == (b"", True, True)


def test_a_connection_that_says_more_than_it_was_asked_is_not_used_again() -> None:
    body = bytearray()
    reader = reader_of(body)
    reader.feed(PLAIN + b"HTTP/1.1 200 OK\r\n")
    assert (bytes(body), reader.is_whole, reader.is_reusable) == (b"up 1\n", True, False)


def test_a_connection_that_is_to_close_is_not_used_again() -> None:
    reader = reader_of(bytearray())
    reader.feed(PLAIN.replace(b"Content-Type", b"Connection: close\r\nContent-Type"))
    assert (reader.is_whole, reader.is_reusable) == (True, False)


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    body = bytearray()
    reader = reader_of(body)
    reader.feed(UNTIL_CLOSED)
    assert not reader.is_whole
    reader.end()
    assert (bytes(body), reader.is_whole, reader.is_reusable) == (b"up 1\n", True, False)


@pytest.mark.parametrize("count", [0, len(PLAIN) - 1])
def test_a_connection_that_ends_early_is_lost(count: int) -> None:
    reader = reader_of(bytearray())
    reader.feed(PLAIN[:count])
    with pytest.raises(ConnectionLostError):
        reader.end()


def test_a_head_without_end_is_refused() -> None:
    reader = reader_of(bytearray())
    with pytest.raises(h11.RemoteProtocolError):
        reader.feed(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000)
