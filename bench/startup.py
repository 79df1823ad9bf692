"""How soon a new tocsin is ready: from exec to the first 200 of `/-/ready`, on empty storage."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from bench.figures import Figure

RUNS = 3
PATIENCE_SECONDS = 60


def measure() -> list[Figure]:
    """`startup_seconds`: the median of several starts with warm caches."""
    seconds = statistics.median(_start() for _ in range(RUNS))
    return [Figure("startup_seconds", seconds, "s")]


def _start() -> float:
    with socket.socket() as probe, tempfile.TemporaryDirectory() as directory:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        probe.close()
        command = [sys.executable, "-m", "tocsin", "up", "--listen", address]
        started = time.perf_counter()
        with subprocess.Popen(
            [*command, "--data-dir", directory],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                _wait_until_ready(f"http://{address}/-/ready", started)
                return time.perf_counter() - started
            finally:
                process.terminate()


def _wait_until_ready(url: str, started: float) -> None:
    while time.perf_counter() - started < PATIENCE_SECONDS:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.01)
    raise RuntimeError(f"{url} did not answer within {PATIENCE_SECONDS} s")
