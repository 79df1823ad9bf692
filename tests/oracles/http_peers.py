"""Small servers on the loopback address that stand beside a target: a proxy, TLS, certificates."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.request import Request, urlopen

import trustme


class ProxyServer:
    """An HTTP proxy; `asked` has (method, what was asked for, headers)."""

    def __init__(self, refuse: int = 0) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                owner.asked.append(("GET", self.path, dict(self.headers)))
                with urlopen(Request(self.path), timeout=5) as answer:
                    body = answer.read()
                    self.send_response(answer.status)
                    self.send_header("Content-Type", answer.headers["Content-Type"])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_CONNECT(self) -> None:
                owner.asked.append(("CONNECT", self.path, dict(self.headers)))
                self.close_connection = True
                if refuse:
                    self.send_response(refuse)
                    self.end_headers()
                    return
                host, _, port = self.path.rpartition(":")
                with socket.create_connection((host, int(port)), 5) as there:
                    self.send_response(200)
                    self.end_headers()
                    _relay(self.connection, there)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _relay(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            readable, _, _ = select.select([one, other], [], [], 5)
            if not readable:
                return
            for side in readable:
                data = side.recv(65536)
                if not data:
                    return
                (other if side is one else one).sendall(data)


class Certificates:
    """An authority, a server's certificate for `name`, and a client's."""

    def __init__(self, directory: Path, name: str = "target.example") -> None:
        authority = trustme.CA()
        self.ca = directory / "ca.pem"
        self.cert = directory / "client.pem"
        self.key = directory / "client.key"
        authority.cert_pem.write_to_path(self.ca)
        client = authority.issue_cert("client@example.org")
        client.cert_chain_pems[0].write_to_path(self.cert)
        client.private_key_pem.write_to_path(self.key)
        self.server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server_context.maximum_version = ssl.TLSVersion.TLSv1_2
        authority.issue_cert(name).configure_cert(self.server_context)
        authority.configure_trust(self.server_context)
        self.server_context.verify_mode = ssl.CERT_REQUIRED
