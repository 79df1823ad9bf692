"""One label with a million values in a minute: what others feel of it, and what memory it takes.

A scrape target that is in order is queried before and while another one explodes, with the guard
`limits.values_per_label` at its default, and once without any, for what the guard spares.
"""

from __future__ import annotations

import gc
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from prometheus_client import CollectorRegistry

from bench.figures import Figure
from collector.ingest.limits import Guards
from collector.ingest.series_gate import SeriesGate
from collector.ingest.write import SampleWriter
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.model.samples import Int64s
from collector.query.engine import Engine
from collector.self_metrics import IngestMetrics
from collector.store.tsdb import Tsdb

VALUES = 1_000_000
SCRAPES = 60
"""One each second: so many times a share of the values is met for the first time."""
GOOD_SERIES = 5_000
QUERY = "sum by (zone) (rate(good_total[{window_ms}ms]))"
"""Each time with another window: no answer is remembered."""
ROUNDS = 15
START_MS = 1_700_000_000_000


def measure() -> list[Figure]:
    """The time of others' queries and the memory, guarded; beside the same without a guard."""
    guarded, calm_ms, busy_ms = explode(Guards())
    unguarded, _, _ = explode(Guards(values_per_label=0), values=VALUES // 5)
    return [
        Figure("cardinality_query_slowdown_ratio", busy_ms / calm_ms, "x"),
        Figure("cardinality_memory_mb", guarded, "MB", "unguarded, a fifth of it", unguarded,
               unguarded / guarded),
    ]  # fmt: skip


def explode(guards: Guards, values: int = VALUES) -> tuple[float, float, float]:
    """(memory that it took in MB, median ms of a query before, and during)."""
    with tempfile.TemporaryDirectory() as directory:
        clock = ManualClock(START_MS)
        store = Tsdb.open(Path(directory), clock)
        gate = SeriesGate(store, guards, clock)
        metrics = IngestMetrics(CollectorRegistry())
        writer = SampleWriter(store, metrics, "scrape", clock, gate)
        good = writer.refs("good", [
            Labels.of("good_total", zone=f"z{k % 5}", item=str(k)) for k in range(GOOD_SERIES)
        ])  # fmt: skip
        engine = Engine(store, clock=clock)
        calm, busy = [], []
        for second in range(SCRAPES):
            scrape_good(writer, good, clock, second)
            calm.append(ask(engine, clock))
        gc.collect()
        before = psutil.Process().memory_info().rss
        share = values // SCRAPES
        for second in range(SCRAPES):
            scrape_good(writer, good, clock, SCRAPES + second)
            scrape_bad(writer, clock, range(second * share, (second + 1) * share))
            busy.append(ask(engine, clock))
        gc.collect()
        grown = (psutil.Process().memory_info().rss - before) / 1e6
        store.close()
    return grown, float(np.median(calm[-ROUNDS:])), float(np.median(busy[-ROUNDS:]))


def scrape_good(writer: SampleWriter, refs: Int64s, clock: ManualClock, second: int) -> None:
    """The target that is in order."""
    clock.advance(1_000)
    writer.row("good", clock.now_ms(), refs, np.full(len(refs), float(second)))


def scrape_bad(writer: SampleWriter, clock: ManualClock, users: range) -> None:
    """The one that has put the id of a user into a label."""
    labels = [Labels.of("bad_total", user=f"user-{k}", zone="z1") for k in users]
    refs = writer.refs("bad", labels)
    stored = refs[refs >= 0]
    writer.row("bad", clock.now_ms(), *writer.gate.merged(stored, np.ones(len(stored)), None))


def ask(engine: Engine, clock: ManualClock) -> float:
    """Milliseconds of CPU time of a query over the good target: what else runs is no matter."""
    query = QUERY.format(window_ms=60_000 + clock.now_ms() // 1000 % 1000)
    begun = time.process_time()
    engine.range(query, clock.now_ms() - 60_000, clock.now_ms(), 1_000)
    return (time.process_time() - begun) * 1000
