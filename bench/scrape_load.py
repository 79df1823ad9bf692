"""`python -m bench.scrape_load PORT TARGETS SERIES`: the targets that a bench lets itself be
scraped from, in a process of its own, so that its CPU time is not counted.

Every target is an address of 127.0.0.0/8 at the same port. Counters grow each second; a page is
packed when it is asked for so, as Go's promhttp does. `/count` tells how many pages were given out
to each user agent, which counts samples in the same way for every scraper.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import time
from collections import Counter

FAMILY_SERIES = 50
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
COUNT_PATH = b"GET /count "


def exposition(second: int, series: int) -> bytes:
    """Counters and gauges of a usual shape; whole numbers and fractions by turns."""
    lines = []
    for family in range(series // FAMILY_SERIES):
        name = f"app_requests_{family}_total"
        lines += [f"# HELP {name} Requests answered.", f"# TYPE {name} counter"]
        for k in range(FAMILY_SERIES):
            pace = (family * FAMILY_SERIES + k) * 7919 % 1009
            value = str(second * pace) if k % 3 else repr(second * pace / 977)
            labels = f'code="{200 + k % 5}",handler="/api/v1/items/{k}",method="GET",zone="eu-1"'
            lines.append(f"{name}{{{labels}}} {value}")
    return ("\n".join(lines) + "\n").encode()


def addresses(targets: int) -> list[str]:
    """All of 127.0.0.0/8 is this machine."""
    return [f"127.0.0.{n + 1}" for n in range(targets)]


class Pages:
    """The page of this second, plain and packed, and who got how many."""

    def __init__(self, series: int) -> None:
        self._series = series
        self._second = -1
        self._answers: dict[bool, bytes] = {}
        self.given: Counter[str] = Counter()

    def answer(self, agent: str, packed: bool) -> bytes:
        """A whole answer, its head included."""
        self.given[agent] += 1
        second = int(time.time())
        if second != self._second:
            self._second, self._answers = second, {}
        if packed not in self._answers:
            self._answers[packed] = self._made(second % 1_000_000, packed)
        return self._answers[packed]

    def _made(self, second: int, packed: bool) -> bytes:
        body = exposition(second, self._series)
        if packed:
            body = gzip.compress(body, 6)
        return with_head(body, TEXT, "Content-Encoding: gzip\r\n" if packed else "")

    def count(self) -> bytes:
        """How many pages each agent got, as JSON."""
        return with_head(json.dumps(self.given).encode(), "application/json")


def with_head(body: bytes, content_type: str, more: str = "") -> bytes:
    """An HTTP answer."""
    return HEAD.format(content_type, len(body), more).encode() + body


class Connection(asyncio.Protocol):
    """One scraper's connection: GETs one after the other."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._got = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember whom to answer."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request whose head is whole."""
        self._got += data
        while b"\r\n\r\n" in self._got and self._transport is not None:
            head, _, self._got = self._got.partition(b"\r\n\r\n")
            self._transport.write(self._answer(head))

    def _answer(self, head: bytes) -> bytes:
        if head.startswith(COUNT_PATH):
            return self._pages.count()
        headers = dict(
            line.lower().split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:]
        )
        agent = headers.get("user-agent", "").partition("/")[0]
        return self._pages.answer(agent, "gzip" in headers.get("accept-encoding", ""))


async def serve(port: int, targets: int, series: int) -> None:
    """Answer until the process is ended."""
    loop, pages = asyncio.get_running_loop(), Pages(series)
    for address in addresses(targets):
        await loop.create_server(lambda: Connection(pages), address, port)
    await loop.create_future()


if __name__ == "__main__":
    asyncio.run(serve(*(int(argument) for argument in sys.argv[1:])))
