"""Readers while a writer appends and maintenance cuts: every answer is whole."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from collector.model import Labels, ManualClock, Matcher
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb

ROWS = 3000
START_MS = 1_700_000_000_000


def test_readers_see_whole_rows_in_order_at_any_moment(tmp_path: Path) -> None:
    clock = ManualClock(START_MS)
    store = Tsdb.open(tmp_path, clock, StoreOptions(head_ms=400, segment_bytes=50_000))
    refs = store.refs("a", [Labels.of("x", n=f"{i:02}") for i in range(20)])
    ended = threading.Event()
    wrong: list[str] = []

    def write() -> None:
        for row in range(ROWS):
            store.append_row("a", START_MS + row, refs, np.arange(20.0) + row)
            clock.advance(1)
        ended.set()

    def maintain() -> None:
        while not ended.is_set():
            store.maintain()

    def read() -> None:
        longest = 0
        while not ended.is_set():
            slices = store.select([Matcher("=", "__name__", "x")], -1, 2**62)
            if not slices:
                continue
            (one,) = slices
            rows = one.timestamps_ms - START_MS
            if rows.tolist() != list(range(len(rows))) or len(rows) < longest:
                wrong.append(f"{len(rows)} rows after {longest}")
            if not (one.values == np.arange(20.0)[:, None] + rows).all():
                wrong.append("a value is not that of its row")
            longest = len(rows)

    threads = [threading.Thread(target=run) for run in (write, maintain, read, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.maintain()
    assert wrong == []
    assert store.status().blocks > 3
    (one,) = store.select([], -1, 2**62)
    assert one.values.shape == (20, ROWS)
    store.close()
