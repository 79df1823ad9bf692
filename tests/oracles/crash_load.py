"""A process that writes to a store until it is killed, from a step on.

Each step writes a row of counters, a late sample, a series of a generation that ends, and an
exemplar, all of which follow from the step's number; then the step is told on standard output.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow.parquet  # noqa: F401 (blocks need it: its import is not to be measured)

from collector.model.clock import ManualClock
from collector.model.errors import StorageError
from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.samples import SampleBatch
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb

START_MS = 1_700_000_000_000
OPTIONS = StoreOptions(head_ms=400, segment_bytes=100_000, block_spans_ms=(1600, 6400))
ROW = [Labels.of("row_total", n=str(n)) for n in range(50)]
LATE = Labels.of("late")
TRACED = Labels.of("traced")
STEPS_OF_GENERATION = 30


def late_ms(step: int) -> int:
    """Times that come in the order 3 2 1 0 7 6 5 4 …"""
    return START_MS + (step ^ 3)


def ended(step: int) -> Labels:
    return Labels.of("ended", generation=str(step // STEPS_OF_GENERATION))


def write(store: Tsdb, step: int) -> None:
    at_ms = START_MS + step
    refused = store.append_row("row", at_ms, store.refs("row", ROW), np.arange(50.0) + step)
    assert not refused, refused
    one = np.array([float(step)])
    late = SampleBatch(store.refs("late", [LATE]), np.array([late_ms(step)]), one)
    assert not store.append("late", late)
    assert not store.append_row("ended", at_ms, store.refs("ended", [ended(step)]), one)
    exemplar = Exemplar(TRACED, Labels.of(trace_id=str(step)), float(step), at_ms)
    store.append_exemplars("row", [exemplar])


def main(directory: str, first_step: int) -> None:
    clock = ManualClock(START_MS + first_step)
    store = Tsdb.open(Path(directory), clock, OPTIONS)

    def maintain() -> None:
        pause = threading.Event()
        while True:
            store.maintain()
            store.compact()
            pause.wait(0.01)

    threading.Thread(target=maintain, daemon=True).start()
    step = first_step
    while True:
        try:
            write(store, step)
        except StorageError as error:
            sys.exit(str(error))
        sys.stdout.write(f"{step}\n")
        sys.stdout.flush()
        clock.advance(1)
        step += 1


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
