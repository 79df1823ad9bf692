"""What every test may ask for: a clock that stands still, free ports, real processes that end."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import settings

from collector.model.clock import ManualClock
from tests.oracles.postgres_server import PostgresServer, find_binaries

ROOT = Path(__file__).parents[1]

# no example is judged by its time: the first one may load compiled kernels on a busy machine
settings.register_profile("any_machine", parent=settings(), deadline=None)
settings.load_profile("any_machine")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_700_000_000_000)


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A function that gives a port of the loopback address that nothing listens on."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    return find


@pytest.fixture
def binary() -> Callable[[str], str]:
    """The path of a peer's program; the test is skipped, with the reason, where it is absent."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            pytest.skip(f"{name} is not installed (Debian has it; .ci/run installs it)")
        return path

    return find


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of Debian's; the test is skipped, with the reason, where it is absent."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (Debian has it; .ci/run installs it)")
    server = PostgresServer(binaries)
    yield server
    server.remove()


class Processes:
    """Starts programs with their output in files, and ends them all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: list[subprocess.Popen[bytes]] = []

    def start(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        name = f"{len(self._running):02}-{Path(command[0]).name}-{'-'.join(command[1:3])}"
        log = self._directory / (name.replace("/", "_")[:80] + ".log")
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def python(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """`python -m …` of this environment."""
        return self.start([sys.executable, "-m", *arguments], environment)

    def logs(self) -> str:
        """The end of every program's output, for the message of a failed test."""
        parts = [
            f"--- {path.name}\n{path.read_text(errors='replace')[-3000:]}"
            for path in sorted(self._directory.glob("*.log"))
        ]
        return "\n".join(parts)

    def all_run(self) -> bool:
        """Whether none has ended by itself."""
        return all(process.poll() is None for process in self._running)

    def end(self) -> None:
        for process in reversed(self._running):
            if process.poll() is None:
                process.terminate()
        for process in reversed(self._running):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    started = Processes(tmp_path)
    yield started
    started.end()


@pytest.fixture
def eventually() -> Callable[..., object]:
    """Waits until a condition gives something true, and says what it last gave if it never does."""

    def wait(
        condition: Callable[[], object], timeout_seconds: float = 60, what: str = ""
    ) -> object:
        deadline = time.monotonic() + timeout_seconds
        last: object = None
        while time.monotonic() < deadline:
            try:
                last = condition()
            except (OSError, urllib.error.URLError, ValueError, KeyError) as error:
                last = error
            else:
                if last:
                    return last
            time.sleep(0.1)
        pytest.fail(f"{what or condition} did not come true in {timeout_seconds} s: {last!r}")

    return wait


@pytest.fixture
def http_ok() -> Callable[[str], bool]:
    """Whether a URL answers with 2xx."""

    def ask(url: str) -> bool:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(200 <= answer.status < 300)

    return ask


@pytest.fixture(scope="session")
def running_tocsin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of one tocsin with its embedded configuration, judged and scraped a few times."""
    directory = tmp_path_factory.mktemp("running")
    started = Processes(directory)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    data_dir = str(directory / "data")
    started.python("tocsin", "up", "--listen", address, "--data-dir", data_dir)
    url = f"http://{address}"
    deadline = time.monotonic() + 120
    while not _has_scraped(url):
        if time.monotonic() > deadline:
            pytest.fail(f"tocsin did not scrape itself\n{started.logs()}")
        time.sleep(0.2)
    yield url
    started.end()


def _has_scraped(url: str) -> bool:
    """Whether rates over a minute have a value: three scrapes were taken."""
    query = "count_over_time(up%5B1m%5D)%3E%3D3"
    try:
        with urllib.request.urlopen(f"{url}/api/v1/query?query={query}", timeout=5) as answer:
            return answer.read().count(b'"instance"') >= 2
    except OSError:
        return False
