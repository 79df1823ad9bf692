"""The rules that we export for 200 objectives, evaluated by Debian's Prometheus.

It has 45 minutes of samples of the same shape, 40 counters an objective each 15 s: fewer than its
windows ask for, which is in its favour. What counts is the CPU time of its process by evaluation of
a group. Beside it stands a whole tick of ours for one objective.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.figures import Figure
from bench.promql_data import Samples
from bench.promql_peers import Peer, load
from collector.model.clock import SystemClock
from collector.model.labels import Labels
from slo.objective import Objective
from slo.prometheus_rules import rules_yaml

HISTORY_MS, EVERY_MS = 45 * 60_000, 15_000
"""The rules write at once, and then nothing that is an hour old is taken in any more."""
PATIENCE_SECONDS = 180
ROUNDS = 2
ITERATIONS = "prometheus_rule_group_iterations_total"
CONFIG = "global: {evaluation_interval: 15s}\nrule_files: [rules.yml]\n"


def measure(
    own_ms_an_objective: float, objectives: list[Objective], labels: list[Labels]
) -> list[Figure]:
    """How long an objective takes, and how many times as long a Prometheus does."""
    if shutil.which("prometheus") is None:
        return [Figure("slo_ms_an_objective", own_ms_an_objective, "ms")]
    with tempfile.TemporaryDirectory() as directory:
        theirs = _prometheus_ms(Path(directory), objectives, labels)
    ratio = theirs / own_ms_an_objective
    name = "prometheus, exported rules"
    return [Figure("slo_ms_an_objective", own_ms_an_objective, "ms", name, theirs, ratio)]


def _prometheus_ms(directory: Path, objectives: list[Objective], labels: list[Labels]) -> float:
    """Milliseconds of CPU that one evaluation of a group, that is of an objective, takes."""
    (directory / "rules.yml").write_text(rules_yaml(objectives))
    (directory / "prometheus.yml").write_text(CONFIG)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    process = subprocess.Popen(
        [
            "prometheus",
            f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/data",
            "--web.enable-remote-write-receiver",
            f"--web.listen-address={address}",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        peer = Peer("prometheus", address)
        _wait_for(lambda: _get(address, "/-/ready") is not None)
        load(peer, _samples(labels))
        before = _cpu_seconds(process.pid), _evaluations(address)
        _wait_for(lambda: _evaluations(address) >= before[1] + ROUNDS * len(objectives))
        seconds = _cpu_seconds(process.pid) - before[0]
        return seconds / (_evaluations(address) - before[1]) * 1000
    finally:
        process.terminate()
        process.wait(60)


def _samples(labels: list[Labels]) -> Samples:
    end_ms = SystemClock().now_ms() // EVERY_MS * EVERY_MS
    times = np.arange(end_ms - HISTORY_MS, end_ms + 1, EVERY_MS)
    random = np.random.default_rng(1)
    values = np.cumsum(random.integers(0, 100, (len(times), len(labels))), axis=0)
    return Samples(labels, values.astype(np.float64), EVERY_MS, end_ms)


def _evaluations(address: str) -> float:
    """Groups that were evaluated since it began."""
    text = (_get(address, "/metrics") or b"").decode()
    return sum(float(n) for n in re.findall(rf"^{ITERATIONS}{{.*}} (.*)$", text, re.MULTILINE))


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _get(address: str, path: str) -> bytes | None:
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
            return bytes(answer.read())
    except OSError:
        return None


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("Prometheus did not evaluate the rules in time")
        time.sleep(0.2)
