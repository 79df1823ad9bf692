"""The far side is away while the sender is killed again and again: nothing stored is lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from collector.model.labels import Labels
from tests.oracles.far_side import FarSide, far_side

ROUNDS = int(os.environ.get("TOCSIN_FORWARD_KILLS", "3"))
SERIES = 20
START_MS = 1_700_000_000_000
STEP_MS = 15_000
SENDER = (
    f"""
SERIES, START_MS, STEP_MS = {SERIES}, {START_MS}, {STEP_MS}
"""
    + """
import sys, time
import numpy as np
from pathlib import Path
from prometheus_client import CollectorRegistry
from collector.forward.forwarder import Forwarder, Wanted
from collector.forward.self_metrics import ForwardMetrics
from collector.forward.tee import ForwardingAppender
from collector.model.clock import SystemClock
from collector.model.labels import Labels
from collector.remote_write_config import RemoteWriteConfig
from collector.store.tsdb import Tsdb

directory, url, row, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
queue = {"batch_send_deadline": "50ms", "max_backoff": "100ms", "max_samples_per_send": 100}
clock = SystemClock()
store = Tsdb.open(directory / "metrics", clock)
metrics = ForwardMetrics(CollectorRegistry())
forwarder = Forwarder(
    directory / "forward", store.labels_of, store.metadata, clock, metrics, 2**30
)
config = RemoteWriteConfig.model_validate({"url": url, "queue_config": queue})
forwarder.apply(Wanted((config,)))
appender = ForwardingAppender(store, lambda: forwarder.journal, print)
refs = appender.refs("s", [Labels.of("x_total", n=str(i)) for i in range(SERIES)])
while row < last:
    appender.append_row("s", START_MS + row * STEP_MS, refs, np.arange(float(SERIES)) + row)
    sys.stdout.write(f"{row}\\n")
    sys.stdout.flush()
    row += 1
    time.sleep(0.001)
sys.stdout.write("done\\n")
sys.stdout.flush()
sys.stdin.read()
"""
)
HOUR_ROWS = 3_600_000 // STEP_MS


def start(directory: Path, side: FarSide, row: int, last: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SENDER, str(directory), side.url, str(row), str(last)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_after(process: subprocess.Popen[str], rows: int) -> int:
    """Kill -9 once so many rows were acknowledged; answers the last that was."""
    assert process.stdout is not None
    last = -1
    for line in process.stdout:
        last = int(line)
        rows -= 1
        if rows <= 0:
            break
    process.kill()
    rest = process.stdout.read().split("\n")
    process.wait()
    return max([last, *(int(text) for text in rest[:-1] if text)])


def test_an_hour_away_and_kill_9_lose_nothing(
    tmp_path: Path, eventually: Callable[..., object]
) -> None:
    chance = random.Random(5)
    with far_side() as side:
        side.status = lambda: (503, {})
        row = 0
        for _ in range(ROUNDS):
            process = start(tmp_path, side, row, 10**9)
            row = kill_after(process, HOUR_ROWS // ROUNDS + chance.randrange(20)) + 1
        assert row * STEP_MS > 3_600_000
        assert not side.samples
        side.status = lambda: (204, {})
        process = start(tmp_path, side, row, row + 10)
        try:
            names = [Labels.of("x_total", n=str(i)) for i in range(SERIES)]
            last_ms = START_MS + (row + 9) * STEP_MS
            eventually(
                lambda: all(side.samples.get(one, [(0, 0)])[-1][0] == last_ms for one in names),
                60,
                "the last sample of every series",
            )
        finally:
            assert process.stdin is not None
            process.kill()
            process.wait()
        for i, labels in enumerate(names):
            found = list(dict.fromkeys(side.samples[labels]))
            times = [at_ms for at_ms, _ in found]
            assert times == sorted(times), "each series arrives in order"
            assert set(found) >= {
                (START_MS + k * STEP_MS, float(i + k)) for k in range(row + 10)
            }, "every acknowledged sample arrives"
