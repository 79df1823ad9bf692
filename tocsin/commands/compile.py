"""`tocsin compile`: put the numeric kernels' machine code into its cache.

tocsin does this by itself after the start, in the background; done ahead, the first start is quick.
A process for each part, as the compiler uses one core.
"""

from __future__ import annotations

import multiprocessing

from collector.model.clock import SystemClock
from collector.model.errors import StorageError
from tocsin.commands.up import say


def compile_kernels() -> None:
    """Compile the numeric kernels once; later starts read them from the cache."""
    clock = SystemClock()
    started = clock.monotonic_seconds()
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=part) for part in (_scanners, _promql)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise StorageError(
            "a kernel could not be compiled; see the message above",
            advice="is the installation's directory writable? else set NUMBA_CACHE_DIR",
        )
    say(f"compiled in {clock.monotonic_seconds() - started:.0f} s; later starts read the cache")


def _scanners() -> None:
    from collector.ingest import warm_up as scanners
    from collector.store import warm_up as store

    say("      the scanners of text formats and OTLP, and the store …")
    scanners.warm_up()
    store.warm_up()


def _promql() -> None:
    from collector.api import xor_chunks
    from collector.query import kernels

    say("      PromQL …")
    kernels.warm()
    xor_chunks.warm_up()
