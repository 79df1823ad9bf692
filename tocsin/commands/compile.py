"""`tocsin compile`: put the numeric kernels' machine code into its cache.

tocsin does this by itself after the start, in the background; done ahead, the first start is quick.
"""

from __future__ import annotations

import time

from tocsin.commands.up import say


def compile_kernels() -> None:
    """Compile the numeric kernels once; later starts read them from the cache."""
    from collector.ingest.warm_up import warm_up
    from collector.query import kernels

    started = time.perf_counter()
    say("compiling the scanners of text formats and OTLP …")
    warm_up()
    say("compiling the kernels of PromQL …")
    kernels.warm()
    say(f"compiled in {time.perf_counter() - started:.0f} s; later starts read the cache")
