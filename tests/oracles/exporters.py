"""Real exporters of Debian's packages, each before a real server of its own, on 127.0.0.1.

Each starts within seconds as the user that runs the tests; PostgreSQL, which refuses root, as
nobody then. A test that asks for one is skipped where a program is not installed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

NOBODY = 65534
NGINX_CONFIG = """\
daemon off;
worker_processes 1;
pid {directory}/pid;
error_log {directory}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{ stub_status; }}
  }}
}}
"""


def program(name: str) -> str:
    """Its path; skips the test where it is not installed."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", *map(str, places)])
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"no {name}: .ci/run has the Debian package")
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def running(*command: str, user: int | None = None, **environment: str) -> Iterator[None]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            user=user,
            env={**os.environ, **environment},
            cwd="/",
        )
        try:
            yield
        except Exception:
            log.seek(0)
            print(log.read().decode()[-3000:])
            raise
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if condition():
                return
        assert time.monotonic() < deadline, "it did not get ready"
        time.sleep(0.05)


def takes_connections(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


def page(url: str, accept: str) -> tuple[bytes, str]:
    """The body and its Content-Type."""
    request = urllib.request.Request(url, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read(), answer.headers["Content-Type"]


@contextmanager
def node_exporter() -> Iterator[str]:
    address = f"127.0.0.1:{free_port()}"
    with running(program("prometheus-node-exporter"), f"--web.listen-address={address}"):
        yield f"http://{address}/metrics"


@contextmanager
def redis_exporter() -> Iterator[str]:
    server, exporter = program("redis-server"), program("prometheus-redis-exporter")
    port, address = free_port(), f"127.0.0.1:{free_port()}"
    with ExitStack() as stack:
        stack.enter_context(
            running(server, "--port", str(port), "--bind", "127.0.0.1", "--save", "")
        )
        until(lambda: takes_connections(port))
        for one in range(20):
            command = f"SET key{one} value\r\n".encode()
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(command)
                connection.recv(64)
        at = f"redis://127.0.0.1:{port}"
        stack.enter_context(running(exporter, "-web.listen-address", address, "-redis.addr", at))
        yield f"http://{address}/metrics"


@contextmanager
def nginx_exporter() -> Iterator[str]:
    server, exporter = program("nginx"), program("prometheus-nginx-exporter")
    port, address = free_port(), f"127.0.0.1:{free_port()}"
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        config = Path(directory) / "nginx.conf"
        config.write_text(NGINX_CONFIG.format(directory=directory, port=port))
        stack.enter_context(running(server, "-c", str(config), "-e", f"{directory}/error.log"))
        until(lambda: takes_connections(port))
        at = f"http://127.0.0.1:{port}/"
        stack.enter_context(
            running(exporter, "-web.listen-address", address, "-nginx.scrape-uri", at)
        )
        yield f"http://{address}/metrics"


@contextmanager
def postgres_exporter() -> Iterator[str]:
    server, exporter = program("postgres"), program("prometheus-postgres-exporter")
    port, address = free_port(), f"127.0.0.1:{free_port()}"
    user = NOBODY if os.geteuid() == 0 else None
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        data = Path(home) / "data"
        if user is not None:
            os.chown(home, NOBODY, -1)
        subprocess.run(
            [program("initdb"), "-D", str(data), "-U", "tocsin", "-A", "trust", "--no-sync"],
            check=True,
            capture_output=True,
            user=user,
            cwd="/",
        )
        settings = ("-p", str(port), "-k", home, "-h", "127.0.0.1", "-F")
        stack.enter_context(running(server, "-D", str(data), *settings, user=user))
        until(lambda: takes_connections(port))
        source = f"postgresql://tocsin@127.0.0.1:{port}/postgres?sslmode=disable"
        stack.enter_context(
            running(exporter, f"--web.listen-address={address}", DATA_SOURCE_NAME=source)
        )
        url = f"http://{address}/metrics"
        until(lambda: b"\npg_up 1\n" in page(url, "*/*")[0])
        yield url


EXPORTERS = {
    "node_exporter": (node_exporter, b"node_cpu_seconds_total"),
    "redis_exporter": (redis_exporter, b"redis_commands_processed_total"),
    "nginx_exporter": (nginx_exporter, b"nginx_http_requests_total"),
    "postgres_exporter": (postgres_exporter, b"pg_stat_database_xact_commit"),
}
"""Starts it and gives the URL of its page; what the page has when its server is reached."""
