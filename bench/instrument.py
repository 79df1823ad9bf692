"""What instrumentation costs a request: a bare ASGI app beside the same app, instrumented.

In-process, without a server, and in CPU time of all threads, so that nothing else is measured. Bare
and instrumented runs alternate, and the figure is the median of their paired differences. The
instrumented app does all that a default installation does: metrics, ids in and out, and one JSON
access record written to /dev/null; with OTLP, also a span and two encodings and sendings.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import process_time
from typing import Any

from prometheus_client import CollectorRegistry

from bench.figures import Figure
from tocsin_instrument import instrument
from tocsin_instrument.asgi import ASGIApp, Message, Receive, Scope, Send

REQUESTS = 5_000
PAIRS = 15
HEADERS = [
    (b"host", b"shop.example.net"),
    (b"user-agent", b"bench/1.0"),
    (b"accept", b"*/*"),
    (b"accept-encoding", b"gzip, deflate"),
    (b"connection", b"keep-alive"),
    (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    (b"x-request-id", b"6f1c2a2e-1f1c-4d5e-9b61-2f0c6a2f9f00"),
]


def measure() -> list[Figure]:
    """`instrumentation_us_per_request`, and the same with spans and logs exported over OTLP."""
    with _stdout_to_devnull():
        plain = _overhead_us(None)
    with _stdout_to_devnull(), _collector() as endpoint:
        exporting = _overhead_us(endpoint)
    return [
        Figure("instrumentation_us_per_request", plain, "us"),
        Figure("instrumentation_otlp_us_per_request", exporting, "us"),
    ]


def _overhead_us(otlp_endpoint: str | None) -> float:
    handle = instrument(
        _shop_page_of_its_own(),
        service="bench",
        registry=CollectorRegistry(),
        otlp_endpoint=otlp_endpoint,
    )
    bare = _shop_page_of_its_own()
    asyncio.run(_run(handle))
    pairs = [(asyncio.run(_run(bare)), asyncio.run(_run(handle))) for _ in range(PAIRS)]
    handle.close()
    return statistics.median(with_it - without for without, with_it in pairs) * 1e6


async def _run(app: ASGIApp) -> float:
    """CPU seconds for one request, over many one after the other."""
    started = process_time()
    for _ in range(REQUESTS):
        await app(_scope(), _receive, _send)
    return (process_time() - started) / REQUESTS


def _shop_page_of_its_own() -> ASGIApp:
    async def page(scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = _Route
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"text/plain"), (b"content-length", b"2")],
            }
        )
        await send({"type": "http.response.body", "body": b"ok"})

    return page


class _Route:
    path = "/products/{product}"


def _scope() -> dict[str, Any]:
    return {
        "type": "http",
        "method": "GET",
        "path": "/products/42",
        "root_path": "",
        "scheme": "http",
        "headers": HEADERS,
    }


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Message) -> None:
    return None


@contextlib.contextmanager
def _stdout_to_devnull() -> Iterator[None]:
    with open(os.devnull, "w") as devnull, contextlib.redirect_stdout(devnull):
        yield


@contextlib.contextmanager
def _collector() -> Iterator[str]:
    """A server that takes every export and throws it away."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Taker)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Taker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return
