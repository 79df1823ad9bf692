"""A real server and real sockets: who says little gets little."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, Request
from prometheus_client import CollectorRegistry

from tocsin.connections import REFUSAL, ConnectionMetrics, bounded, raise_file_limit
from tocsin.http_errors import add_error_answers

MOST = 3
HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"


class Served:
    def __init__(self, read_seconds: float) -> None:
        self.registry = CollectorRegistry()
        app = FastAPI()
        add_error_answers(app)

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


def test_the_process_may_open_as_many_files_as_it_can_have() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(before[0], 512), before[1]))
        assert raise_file_limit() == before[1]
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == before[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
