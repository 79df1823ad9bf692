"""Work that nobody waits for: kernels are compiled, or read from their cache, after the start."""

from __future__ import annotations

import threading
from collections.abc import Callable


def in_background(name: str, work: Callable[[], None]) -> threading.Thread:
    """Run `work` once in a thread that does not keep the process alive."""
    thread = threading.Thread(target=work, name=f"tocsin-{name}", daemon=True)
    thread.start()
    return thread
