"""Runs the three processes and the load until Ctrl-C; a process that crashed is started again."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"
START_TIMEOUT_SECONDS = 30.0
RESTART_DELAY_SECONDS = 3.0
END_TIMEOUT_SECONDS = 15.0
DEFAULT_PORTS = (8081, 8082, 8083)
NAMES = ("web", "orders", "payments")


@dataclass
class Shop:
    """The processes of a running shop; `ports` are those of web, orders and payments."""

    ports: tuple[int, ...]
    rate: float
    report: Path | None
    logs: Path
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def url(self, name: str) -> str:
        """Where one of the three answers."""
        return f"http://{HOST}:{self.ports[NAMES.index(name)]}"

    def start(self) -> None:
        """Start the three and wait until they answer, then the load.

        Raises TimeoutError, naming the log to read, when one does not answer.
        """
        for name in NAMES:
            self._start_service(name)
        for name in NAMES:
            self._wait_for(name)
        command = ["examples.shop.load", "--url", self.url("web"), "--rate", str(self.rate)]
        if self.report is not None:
            command += ["--report", str(self.report)]
        self._running["load"] = self._python("load", command)

    def restart_crashed(self) -> None:
        """Start again whatever has ended."""
        for name in NAMES:
            process = self._running[name]
            if process.poll() is not None:
                print(f"{name} ended with status {process.returncode}; starting it again")
                time.sleep(RESTART_DELAY_SECONDS)
                self._start_service(name)

    def end(self) -> None:
        """End the load first, so that no request meets a shop that is going away."""
        for name in ("load", *NAMES):
            process = self._running.get(name)
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(END_TIMEOUT_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def _start_service(self, name: str) -> None:
        command = ["examples.shop", name, "--port", str(self.ports[NAMES.index(name)])]
        command += ["--orders-url", self.url("orders"), "--payments-url", self.url("payments")]
        self._running[name] = self._python(name, command)

    def _python(self, name: str, module_and_arguments: list[str]) -> subprocess.Popen[bytes]:
        with (self.logs / f"{name}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603  (our own interpreter and modules)
                [sys.executable, "-m", *module_and_arguments],
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for this process, which ends the others in order.
                start_new_session=True,
            )

    def _wait_for(self, name: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline and self._running[name].poll() is None:
            try:
                with urllib.request.urlopen(  # noqa: S310  (our own http:// address)
                    f"{self.url(name)}/health/live", timeout=1
                ):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise TimeoutError(f"{name} does not answer; see {self.logs / f'{name}.log'}")


def free_ports(count: int) -> tuple[int, ...]:
    """Ports of the loopback address that nothing listens on now."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((HOST, 0))
        return tuple(probe.getsockname()[1] for probe in probes)
    finally:
        for probe in probes:
            probe.close()


def up(ports: tuple[int, ...], rate: float, report: Path | None) -> None:
    """Run until SIGINT or SIGTERM."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    logs = Path(tempfile.mkdtemp(prefix="shop-"))
    shop = Shop(ports, rate, report, logs)
    try:
        shop.start()
        _tell(shop)
        while not ended.wait(0.5):
            shop.restart_crashed()
    finally:
        shop.end()


def _tell(shop: Shop) -> None:
    for name in NAMES:
        url = shop.url(name)
        print(f"{name:9} {url}   metrics {url}/metrics   faults {url}/faults")
    print(f"load      {shop.rate:g} requests/s; logs in {shop.logs}; Ctrl-C ends it", flush=True)
