"""A PostgreSQL of Debian's for tests: initdb in a directory of its own, on a free loopback port.

PostgreSQL refuses to run as root, so a test run as root gives it to the user `postgres`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

USER, PASSWORD = "tocsin", "sesame-7f3a9c"
UNPRIVILEGED = "postgres"
PATIENCE_SECONDS = 60
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "log_statement": "none",
}


def find_binaries() -> Path | None:
    """Debian's newest PostgreSQL, or what the path has; None when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    path = shutil.which("initdb")
    return Path(path).resolve().parent if path else None


class PostgresServer:
    """One server with its data; `new_url()` gives a URL under which nothing is yet."""

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._directory = Path(tempfile.mkdtemp(prefix="tocsin-postgres-"))
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        if self._user is not None:
            shutil.chown(self._directory, self._user)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._initialize()
        self.start()

    def url(self, user: str = USER) -> str:
        """Where it is, with the password in it."""
        return f"postgresql://{user}:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def new_url(self) -> str:
        """The URL of a user of its own, whose schema is empty (far cheaper than a database)."""
        user = f"user{next(self._numbers)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'".encode())
            connection.execute(f"CREATE SCHEMA AUTHORIZATION {user}".encode())
        return self.url(user)

    def start(self) -> None:
        """Run it, if it does not run, and wait until it answers."""
        if self._process is not None:
            return
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, "-p", str(self.port), *settings],
                stdout=log,
                stderr=log,
                user=self._user,
                group=self._user,
                cwd=self._directory,
            )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url(), connect_timeout=5).close()
                return
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"PostgreSQL did not start: {self.log()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it as a crash would: no client is waited for."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    def remove(self) -> None:
        """End it and delete its data."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def log(self) -> str:
        """What it wrote last."""
        return (self._directory / "log").read_text(errors="replace")[-3000:]

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def _initialize(self) -> None:
        password = self._directory / "password"
        password.write_text(PASSWORD)
        subprocess.run(
            [
                self._binaries / "initdb",
                f"--pgdata={self._data}",
                f"--username={USER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            check=True,
            capture_output=True,
            user=self._user,
            group=self._user,
            cwd=self._directory,
        )
