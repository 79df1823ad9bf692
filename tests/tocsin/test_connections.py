"""A real server and real sockets: who says little gets little."""

from __future__ import annotations

import asyncio
import resource
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry

from tocsin.connections import (
    MAX_HEAD_BYTES,
    REFUSAL,
    ConnectionMetrics,
    bounded,
    raise_file_limit,
)
from tocsin.http_errors import add_error_answers

MOST = 3
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"


class Served:
    def __init__(self, read_seconds: float) -> None:
        self.registry = CollectorRegistry()
        self.go_on = asyncio.Event()
        app = FastAPI()
        add_error_answers(app)

        @app.post("/refuse")
        async def refuse() -> Response:
            return Response(status_code=413)

        @app.post("/wait")
        async def wait(request: Request) -> str:
            await self.go_on.wait()
            return (await request.body()).decode()

        @app.post("/echo")
        async def echo(request: Request) -> str:
            return (await request.body()).decode()

        protocol = bounded(ConnectionMetrics(self.registry), MOST, read_seconds)
        self.server = uvicorn.Server(uvicorn.Config(app, http=protocol, log_config=None))
        self._held = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self.server.run, args=([self._held],))
        self._thread.start()

    def connect(self, said: bytes = b"") -> socket.socket:
        client = socket.create_connection(self._held.getsockname(), timeout=20)
        client.sendall(said)
        return client

    def count(self, reason: str) -> float:
        named = {"reason": reason}
        return self.registry.get_sample_value("tocsin_http_connections_refused_total", named) or 0

    def close(self) -> None:
        self.server.should_exit = True
        self._thread.join(20)
        self._held.close()


@pytest.fixture(params=[60.0])
def served(request: pytest.FixtureRequest, eventually: Callable[..., Any]) -> Iterator[Served]:
    made = Served(request.param)
    eventually(lambda: made.server.started, 20, "the server has started")
    yield made
    made.close()


def read_to_end(client: socket.socket) -> bytes:
    found = b""
    try:
        while data := client.recv(65536):
            found += data
    except ConnectionResetError:
        pass
    return found


def test_one_connection_too_many_is_told_so_and_there_is_room_again(
    served: Served, eventually: Callable[..., Any]
) -> None:
    clients = [served.connect() for _ in range(MOST)]
    eventually(lambda: len(served.server.server_state.connections) == MOST, 20, "all are open")
    assert read_to_end(served.connect()) == REFUSAL
    assert served.count("too_many") == 1
    for client in clients:
        client.close()
    eventually(lambda: not served.server.server_state.connections, 20, "all are closed")
    answer = served.connect(HEAD + b"Connection: close\r\n\r\nwell").recv(65536)
    assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("served", [0.2], indirect=True)
@pytest.mark.parametrize("said", [b"", HEAD, HEAD + b"\r\nab"], ids=["nothing", "head", "body"])
def test_a_request_that_does_not_come_is_not_waited_for(served: Served, said: bytes) -> None:
    client = served.connect(said)
    assert read_to_end(client) == b""
    assert served.count("too_slow") == 1


def test_a_request_that_is_whole_is_not_hurried_and_the_next_is_again(
    served: Served, eventually: Callable[..., Any]
) -> None:
    client = served.connect(HEAD + b"\r\nwell")
    assert client.recv(65536).startswith(b"HTTP/1.1 200")
    (connection,) = served.server.server_state.connections
    assert connection._deadline is None  # type: ignore[union-attr]
    client.sendall(HEAD)
    eventually(lambda: connection._deadline is not None, 20, "the next request has a deadline")  # type: ignore[union-attr]
    client.close()


def test_who_goes_in_the_middle_leaves_no_error_in_the_log(
    served: Served, eventually: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    client = served.connect(HEAD + b"\r\nab")
    eventually(lambda: served.server.server_state.tasks, 20, "the request is being read")
    client.close()
    eventually(lambda: not served.server.server_state.tasks, 20, "the request has ended")
    assert "Exception in ASGI application" not in caplog.text


@pytest.mark.parametrize(
    "said",
    [
        b"POST /echo HTTP/1.1\r\nHost: x\r\nX: ",
        b"POST /",
        HEAD.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"\r\n0\r\nX: ",
    ],
    ids=["header", "path", "trailer"],
)
def test_a_head_without_an_end_is_not_read_to_its_end(served: Served, said: bytes) -> None:
    client = served.connect(said)
    try:
        for _ in range(200):
            client.sendall(b"x" * MAX_HEAD_BYTES)
    except OSError:
        return
    pytest.fail("200 times the limit were read")


def test_a_head_that_is_too_long_is_told_so(served: Served) -> None:
    client = served.connect(b"GET /echo HTTP/1.1\r\nX: ")
    client.sendall(b"x" * (MAX_HEAD_BYTES + 1))
    assert client.recv(65536).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("size", [10, 300_000])
def test_a_body_of_any_size_and_way_is_read(served: Served, size: int) -> None:
    body = b"y" * size
    length = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
    chunked = HEAD.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked")
    for said in (length + body, chunked + b"\r\n%x\r\n%s\r\n0\r\n\r\n" % (size, body)):
        said = said.replace(b"Host: x", b"Host: x\r\nConnection: close")
        answer = read_to_end(served.connect(said))
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b'"' + body + b'"')


def test_who_asks_early_is_not_hurried_before_the_first_answer(
    served: Served, eventually: Callable[..., Any]
) -> None:
    client = served.connect(HEAD.replace(b"/echo", b"/wait") + b"\r\nwell" + HEAD)
    eventually(lambda: served.server.server_state.tasks, 20, "the request is under way")
    (connection,) = served.server.server_state.connections
    before = connection._deadline  # type: ignore[union-attr]
    assert before is not None
    connection.loop.call_soon_threadsafe(connection._close_slow)  # type: ignore[union-attr]
    eventually(lambda: connection._deadline is not before, 20, "the deadline was moved")  # type: ignore[union-attr]
    connection.loop.call_soon_threadsafe(served.go_on.set)  # type: ignore[union-attr]
    client.sendall(b"\r\ndone")
    found = b""
    while b'"done"' not in found:
        data = client.recv(65536)
        assert data
        found += data
    assert b'"well"' in found
    assert served.count("too_slow") == 0
    client.close()


def test_who_was_refused_before_the_end_of_a_body_may_ask_again_but_not_stay(
    served: Served, eventually: Callable[..., Any]
) -> None:
    client = served.connect(HEAD.replace(b"/echo", b"/refuse") + b"\r\nwe")
    assert client.recv(65536).startswith(b"HTTP/1.1 413")
    (connection,) = served.server.server_state.connections
    client.sendall(b"ll")
    eventually(lambda: connection._deadline is None, 20, "the request has come to its end")  # type: ignore[union-attr]
    assert connection.timeout_keep_alive_task is not None  # type: ignore[union-attr]
    client.sendall(HEAD + b"\r\nwell")
    assert client.recv(65536).startswith(b"HTTP/1.1 200")
    client.close()


def test_the_process_may_open_as_many_files_as_it_can_have() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[0], 512), before[1]))
        assert raise_file_limit() == before[1]
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
