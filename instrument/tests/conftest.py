"""What every test of the library may ask for: a registry of its own, an app, ASGI calls by hand."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tocsin_instrument.testing import CapturedMetrics


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def counted(registry: CollectorRegistry) -> CapturedMetrics:
    return CapturedMetrics(registry)


@pytest.fixture(autouse=True)
def root_logger_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


class Answer:
    """Everything that an app sent for one request."""

    def __init__(self) -> None:
        self.messages: list[Mapping[str, Any]] = []
        self.error: BaseException | None = None

    @property
    def status(self) -> int:
        return next(m["status"] for m in self.messages if m["type"] == "http.response.start")

    @property
    def headers(self) -> dict[str, str]:
        start = next(m for m in self.messages if m["type"] == "http.response.start")
        return {name.decode(): value.decode() for name, value in start["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(m.get("body", b"") for m in self.messages)


async def ask(
    app: Any,
    path: str = "/",
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    *,
    client_leaves: bool = False,
    **scope: Any,
) -> Answer:
    """One request without a server; what the app raises is kept in the answer."""
    answer = Answer()
    received = [{"type": "http.request", "body": b"", "more_body": False}]
    if client_leaves:
        received = []

    async def receive() -> Mapping[str, Any]:
        return received.pop(0) if received else {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        answer.messages.append(message)

    whole_scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "root_path": "",
        "scheme": "http",
        "query_string": b"",
        "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
        **scope,
    }
    try:
        await app(whole_scope, receive, send)
    except Exception as error:
        answer.error = error
    return answer


@pytest.fixture
def call() -> Any:
    """`call(app, "/path", ...)`: the answer of one request."""

    def run(app: Any, *arguments: Any, **keywords: Any) -> Answer:
        return asyncio.run(ask(app, *arguments, **keywords))

    return run


@pytest.fixture
def ask_async() -> Any:
    """The coroutine function, for tests that run many requests at once."""
    return ask


@pytest.fixture
def free_port() -> int:
    """A port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
