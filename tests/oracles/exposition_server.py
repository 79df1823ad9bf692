"""A real HTTP server on the loopback address that answers scrapes as a test tells it to."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class Answer:
    body: bytes = b""
    status: int = 200
    content_type: str = TEXT
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0
    promised_bytes: int | None = None


class ExpositionServer:
    """`answer` may be exchanged at any time; `requests` has (path, headers) of what was asked.

    `silent_close`: each connection is closed after its answer, which does not say so. `on_post`
    takes path, body and headers of a POST. While `answer` is called, `asking.headers` are those of
    its own request: `asking` is local to the thread.
    """

    def __init__(
        self,
        answer: Answer | Callable[[str], Answer],
        *,
        silent_close: bool = False,
        tls: ssl.SSLContext | None = None,
        on_post: Callable[[str, str, dict[str, str]], Answer] | None = None,
    ) -> None:
        self.connections = 0
        self._silent_close = silent_close
        self.answer = answer
        self._on_post = on_post
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.asking = threading.local()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                owner.connections += 1
                super().setup()

            def do_GET(self) -> None:
                owner.requests.append((self.path, dict(self.headers)))
                owner.asking.headers = dict(self.headers)
                answer = owner.answer(self.path) if callable(owner.answer) else owner.answer
                self._send(answer)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                if owner._on_post is None:
                    self._send(Answer(status=500))
                else:
                    self._send(owner._on_post(self.path, body, dict(self.headers)))

            def _send(self, answer: Answer) -> None:
                time.sleep(answer.delay_seconds)
                self.send_response(answer.status)
                if answer.content_type:
                    self.send_header("Content-Type", answer.content_type)
                length = answer.promised_bytes or len(answer.body)
                self.send_header("Content-Length", str(length))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)
                self.close_connection = owner._silent_close or length > len(answer.body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
