"""The store alone: how fast samples go in and come back, what they cost in memory and on disk.

10,000 counters, 2 h at 15 s; then 12 h of them, cut into six blocks that are merged into one, and
half of them read from there: `first` decodes the row groups, `again` finds them decoded. CPU
seconds are those of this process, user and system, compiling left out. `kill9_lost_samples` counts
what a child process had been told is stored, by one line per row through a pipe, and what was not
there after `kill -9`.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from bench.figures import Figure
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import Float64s
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb
from collector.store.warm_up import warm_up

SERIES = 10_000
TARGET_SERIES = 1000
SCRAPES = 480
SCRAPE_MS = 15_000
START_MS = 1_699_999_200_000
EVERYTHING = ([Matcher("=", "__name__", "x_total")], START_MS - 1, START_MS + SCRAPES * SCRAPE_MS)
SPANS = 6
KILLS = 3
ROWS_BEFORE_KILL = 3000
WRITER = """
import sys, numpy as np
from pathlib import Path
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.store.tsdb import Tsdb
store = Tsdb.open(Path(sys.argv[1]), ManualClock(0))
refs = store.refs("s", [Labels.of("x_total", n=str(i)) for i in range(100)])
row = int(sys.argv[2])
while True:
    store.append_row("s", row, refs, np.full(100, float(row)))
    sys.stdout.write(f"{row}\\n")
    sys.stdout.flush()
    row += 1
"""


def measure() -> list[Figure]:
    """Every figure of the store."""
    warm_up()
    with tempfile.TemporaryDirectory() as name:
        figures = _measure_one_store(Path(name))
    with tempfile.TemporaryDirectory() as name:
        figures += _measure_blocks(Path(name))
    with tempfile.TemporaryDirectory() as name:
        lost = _count_lost(Path(name))
    return [*figures, Figure("kill9_lost_samples", lost, "samples")]


def _measure_one_store(directory: Path) -> list[Figure]:
    values = _counters()
    clock = ManualClock(START_MS + SCRAPES * SCRAPE_MS)
    before_bytes = _rss_bytes()
    store = Tsdb.open(directory, clock, StoreOptions())
    targets = [store.refs("bench", some) for some in batched(_labels(), TARGET_SERIES)]
    refs = np.concatenate(targets)
    cpu = time.process_time()
    taken = []
    for row in range(SCRAPES):
        started = time.perf_counter()
        store.append_row("bench", START_MS + row * SCRAPE_MS, refs, values[row])
        taken.append(time.perf_counter() - started)
    append_cpu = time.process_time() - cpu
    rss_bytes = _rss_bytes() - before_bytes
    select_ms = _median_ms(lambda: store.select(*EVERYTHING))
    totals_ms = _median_ms(lambda: store.counter_totals(refs))
    os.close(store._lock_descriptor)  # as after kill -9: the next start replays the log
    started = time.perf_counter()
    store = Tsdb.open(directory, clock, StoreOptions())
    replay = time.perf_counter() - started
    clock.advance(2 * 3600 * 1000)
    store.maintain()
    block_ms = _median_ms(lambda: store.select(*EVERYTHING))
    store.close()
    samples = SERIES * SCRAPES
    return [
        Figure("store_append_samples_per_cpu_second", samples / append_cpu, "samples/s"),
        Figure("store_append_row_10k_us", statistics.median(taken) * 1e6, "us"),
        Figure("store_select_10k_ms", select_ms, "ms"),
        Figure("store_select_block_10k_ms", block_ms, "ms"),
        Figure("store_counter_totals_10k_ms", totals_ms, "ms"),
        Figure("rss_bytes_per_series", rss_bytes / SERIES, "bytes"),
        Figure("store_replay_samples_per_second", samples / replay, "samples/s"),
    ]


def _measure_blocks(directory: Path) -> list[Figure]:
    """What it takes to cut, to merge and to read again; the first cut loads pyarrow."""
    values, clock = _counters(), ManualClock(START_MS)
    store = Tsdb.open(directory, clock, StoreOptions())
    refs = np.concatenate([store.refs("bench", some) for some in batched(_labels(), TARGET_SERIES)])
    cuts = []
    for span in range(SPANS + 2):
        first = span * SCRAPES
        for row in range(SCRAPES):
            at_ms = START_MS + (first + row) * SCRAPE_MS
            store.append_row("bench", at_ms, refs, values[row] + span * values[-1])
        clock.advance(SCRAPES * SCRAPE_MS)
        cuts.append(_cpu_seconds(store.maintain))
    merged = sum(one.samples for one in store._blocks.blocks)
    merge_cpu = _cpu_seconds(store.compact)
    until_ms = START_MS + SPANS * SCRAPES * SCRAPE_MS
    some = [Matcher("=", "__name__", "x_total"), Matcher("=~", "code", "20[0-4]")]
    first_cpu = _cpu_seconds(lambda: store.select(some, START_MS, until_ms))
    again_cpu = _cpu_seconds(lambda: store.select(some, START_MS, until_ms))
    cached = store._blocks._row_groups.nbytes
    status = store.status()
    store.close()
    samples = SERIES * SCRAPES
    return [
        Figure("store_cut_first_cpu_seconds", cuts[1], "s"),
        Figure(
            "store_cut_samples_per_cpu_second", samples / statistics.median(cuts[2:]), "samples/s"
        ),
        Figure("store_merge_samples_per_cpu_second", merged / merge_cpu, "samples/s"),
        Figure("store_block_bytes_per_sample", status.block_bytes / merged, "bytes"),
        Figure("store_read_12h_first_cpu_seconds", first_cpu, "s"),
        Figure("store_read_12h_again_cpu_seconds", again_cpu, "s"),
        Figure("store_row_group_cache_mb", cached / 1e6, "MB"),
    ]


def _cpu_seconds(run: Callable[[], object]) -> float:
    started = time.process_time()
    run()
    return time.process_time() - started


def _counters() -> Float64s:
    dice = np.random.default_rng(1)
    return np.cumsum(dice.integers(0, 50, (SCRAPES, SERIES)), axis=0).astype(np.float64)


def _labels() -> Iterator[Labels]:
    return (
        Labels.of(
            "x_total",
            job="bench",
            instance=f"host-{i % 100}:9100",
            code=str(200 + i // 100 % 10),
            path=f"/api/v1/resource/{i // 1000}",
        )
        for i in range(SERIES)
    )


def batched(labels: Iterator[Labels], size: int) -> Iterator[list[Labels]]:
    """Lists of `size`, as targets bring them one after the other."""
    while some := list(islice(labels, size)):
        yield some


def _rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _median_ms(run: Callable[[], object], runs: int = 7) -> float:
    run()
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        run()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def _count_lost(directory: Path) -> int:
    lost, row = 0, 0
    for _ in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(directory), str(row)],
            stdout=subprocess.PIPE,
            text=True,
        )
        if writer.stdout is None:
            raise RuntimeError("the writer has no output")
        told = [writer.stdout.readline() for _ in range(ROWS_BEFORE_KILL)]
        os.kill(writer.pid, signal.SIGKILL)
        told += writer.stdout
        writer.wait()
        acknowledged = {int(line) for line in told if line.endswith("\n")}
        kept = _rows_kept(directory)
        lost += 100 * len(acknowledged - kept)
        row = max(kept) + 1
    return lost


def _rows_kept(directory: Path) -> set[int]:
    store = Tsdb.open(directory, ManualClock(0))
    (one,) = store.select(EVERYTHING[0], -1, 2**62)
    store.close()
    rows = one.timestamps_ms
    if not (one.values == rows).all():
        raise RuntimeError("a sample came back with another value")
    return set(rows.tolist())
