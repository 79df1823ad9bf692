"""What series cost: a million of them in the index, and a hundred thousand while blocks are cut.

`index_million_match_ms` is `{job="…", path=~"/api/.*"}` asked for the first time; the series have
ten labels, one of them different for each series. `append_stall_ms` is the longest that a row of
1,000 series waited while `maintain()` cut two hours of 100,000 series into a block;
`replay_samples_per_second` reads the same log as after kill -9.
"""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.figures import Figure
from bench.store import batched
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import Int64s
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb
from collector.store.warm_up import warm_up

MILLION = 1_000_000
SOURCE_SERIES = 5000
QUESTION = [Matcher("=", "job", "job-3"), Matcher("=~", "path", "/api/.*")]
TARGETS = 100
TARGET_SERIES = 1000
ROWS = 240
ROW_MS = 30_000
PAUSE_SECONDS = 0.002
START_MS = 1_699_999_200_000


def measure() -> list[Figure]:
    """Every figure of series."""
    warm_up()
    gc.collect()
    gc.freeze()  # as tocsin does when it has started
    with tempfile.TemporaryDirectory() as directory:
        figures = _index(Path(directory))
    with tempfile.TemporaryDirectory() as directory:
        return figures + _many_series(Path(directory))


def _index(directory: Path) -> list[Figure]:
    store = Tsdb.open(directory, ManualClock(START_MS), StoreOptions(max_series=2 * MILLION))
    before_bytes, seconds = _rss_bytes(), 0.0
    for number, labels in enumerate(batched(_labels(), SOURCE_SERIES)):
        begun = time.process_time()
        store.refs(f"target {number}", labels)
        seconds += time.process_time() - begun
    used_bytes = _rss_bytes() - before_bytes
    begun = time.perf_counter()
    found = store.match(QUESTION)
    match_ms = (time.perf_counter() - begun) * 1000
    if len(found) != MILLION // 40:
        raise RuntimeError(f"{len(found)} series match")
    store.close()
    return [
        Figure("series_made_per_cpu_second", MILLION / seconds, "series/CPU s"),
        Figure("index_bytes_per_series", used_bytes / MILLION, "bytes"),
        Figure("index_million_match_ms", match_ms, "ms"),
    ]


def _labels() -> Iterator[Labels]:
    return (
        Labels.of(
            "http_requests_total",
            cluster=f"c{i % 6}",
            code=str(200 + i % 7),
            instance=f"10.0.{i % 250}.{i // 250 % 40}:9100",
            job=f"job-{i % 20}",
            method=("GET", "POST", "PUT")[i % 3],
            path=f"/{'api/v1' if i // 20 % 2 else 'web'}/{i // 1000}",
            pod=f"pod-{i // 100:x}",
            uid=f"u{i:x}",
            zone=f"eu-{i % 4}",
        )
        for i in range(MILLION)
    )


def _many_series(directory: Path) -> list[Figure]:
    clock = ManualClock(START_MS)
    store = Tsdb.open(directory, clock, StoreOptions(segment_bytes=2**40))
    targets = [store.refs(f"t{t}", _of_target(t)) for t in range(TARGETS)]
    values = np.cumsum(np.random.default_rng(1).integers(0, 50, (ROWS, TARGET_SERIES)), axis=0)
    for row in range(ROWS):
        _scrape(store, targets, row, values[row].astype(np.float64))
    os.close(store._lock_descriptor)  # as after kill -9
    begun = time.process_time()
    store = Tsdb.open(directory, clock, StoreOptions())
    replay = TARGETS * TARGET_SERIES * ROWS / (time.process_time() - begun)
    clock.advance(3 * 3600 * 1000)
    targets = [store.refs(f"t{t}", _of_target(t)) for t in range(TARGETS)]
    stall_ms = _stall_ms(store, targets, values[-1].astype(np.float64))
    store.close()
    return [
        Figure("replay_samples_per_second", replay, "samples/CPU s"),
        Figure("append_stall_ms", stall_ms, "ms"),
    ]


def _of_target(target: int) -> list[Labels]:
    return [
        Labels.of("x_total", job="bench", instance=f"host-{target}", n=str(n))
        for n in range(TARGET_SERIES)
    ]


def _scrape(
    store: Tsdb,
    targets: list[Int64s],
    row: int,
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    for number, refs in enumerate(targets):
        store.append_row(f"t{number}", START_MS + row * ROW_MS + number, refs, values)


def _stall_ms(
    store: Tsdb, targets: list[Int64s], values: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> float:
    cutting = threading.Thread(target=store.maintain)
    cutting.start()
    longest, turn, ended = 0.0, 0, time.perf_counter()
    while cutting.is_alive():
        row, number = ROWS + turn // TARGETS, turn % TARGETS
        time.sleep(PAUSE_SECONDS)
        store.append_row(f"t{number}", START_MS + row * ROW_MS + number, targets[number], values)
        begun, ended = ended, time.perf_counter()
        longest = max(longest, ended - begun)  # whatever held up the thread held up the row
        turn += 1
    return (longest - PAUSE_SECONDS) * 1000


def _rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
