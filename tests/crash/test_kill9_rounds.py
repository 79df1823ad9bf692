"""kill -9 at random moments, under load, while blocks are cut and merged: round after round.

`TOCSIN_CRASH_ROUNDS` says how many rounds; 8 unless told otherwise.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import is_missing
from collector.store.tsdb import Tsdb
from tests.oracles import crash_load as load

ROUNDS = int(os.environ.get("TOCSIN_CRASH_ROUNDS", "8"))
MAX_SECONDS = 1.0
LOOK_BACK = 3000


def run_and_kill(directory: Path, first_step: int, after_seconds: float) -> int:
    """The last step that was acknowledged; `first_step - 1` when none was."""
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.oracles.crash_load", str(directory), str(first_step)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    lines = [writer.stdout.readline()]
    killer = threading.Timer(after_seconds, os.kill, (writer.pid, signal.SIGKILL))
    killer.start()
    lines += writer.stdout
    writer.wait()
    killer.join()
    assert writer.returncode == -signal.SIGKILL, "it ended by itself"
    told = [int(line) for line in lines if line.endswith("\n")]
    assert told == list(range(first_step, first_step + len(told)))
    return first_step + len(told) - 1


def samples(store: Tsdb, name: str, from_step: int) -> dict[Labels, dict[int, float]]:
    """Value by step of each series; a sample that is there twice would raise."""
    after_ms = load.START_MS + from_step - 1
    found: dict[Labels, dict[int, float]] = {}
    for part in store.select([Matcher("=", "__name__", name)], after_ms, 2**62):
        steps = (part.timestamps_ms - load.START_MS).tolist()
        assert len(set(steps)) == len(steps)
        for labels, row in zip(part.labels, part.values, strict=True):
            there = ~is_missing(row)
            assert labels not in found
            found[labels] = dict(zip(np.array(steps)[there].tolist(), row[there], strict=True))
    return found


def check(store: Tsdb, acknowledged: int, from_step: int) -> None:
    """Everything up to the last acknowledged step, and nothing but perhaps a part of the next."""
    due = range(from_step, acknowledged + 1)
    for labels, row in samples(store, "row_total", from_step).items():
        n = int(labels["n"])
        assert row in ({s: n + s for s in due}, {s: n + s for s in [*due, acknowledged + 1]})
    values: dict[int, float] = {}
    for one in samples(store, "ended", from_step).values():
        values.update(one)
    assert values in ({s: s for s in due}, {s: s for s in [*due, acknowledged + 1]})
    ((_, late),) = samples(store, "late", from_step).items()
    sent = {s ^ 3: float(s) for s in range(max(from_step - 4, 0), acknowledged + 1)}
    sent = {at: value for at, value in sent.items() if at >= from_step}
    in_doubt = (acknowledged + 1) ^ 3
    late.pop(in_doubt, None) if in_doubt not in sent else None
    assert late == sent
    traces = [int(one.labels["trace_id"]) for one in store.exemplars([], load.START_MS, 2**62)]
    assert traces == list(range(traces[0], traces[0] + len(traces)))
    assert traces[-1] in (acknowledged, acknowledged + 1)


def check_totals(store: Tsdb, last: int) -> None:
    """Each step after the first adds one, whatever was killed and replayed in between."""
    refs = store.match([Matcher("=", "__name__", "row_total")])
    totals = store.counter_totals(refs)
    assert set(totals.total.tolist()) <= {float(last), float(last + 1)}


@pytest.mark.timeout(300 + 60 * ROUNDS)
def test_no_kill_loses_or_doubles_what_was_acknowledged(tmp_path: Path) -> None:
    dice = random.Random(int(os.environ.get("TOCSIN_CRASH_SEED", "1")))
    acknowledged = -1
    for number in range(ROUNDS):
        acknowledged = run_and_kill(tmp_path, acknowledged + 1, dice.random() ** 2 * MAX_SECONDS)
        clock = ManualClock(load.START_MS + acknowledged)
        store = Tsdb.open(tmp_path, clock, load.OPTIONS)
        is_last = number == ROUNDS - 1
        check(store, acknowledged, 0 if is_last else max(acknowledged - LOOK_BACK, 0))
        check_totals(store, acknowledged)
        assert store.status().damaged_records == store.status().damaged_blocks == 0
        if dice.random() < 0.5:
            store.close()
        else:
            os.close(store._lock_descriptor)
        print(f"round {number}: {acknowledged} steps")
