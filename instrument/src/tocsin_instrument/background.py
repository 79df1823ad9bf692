"""A daemon thread that repeats one step, survives a fork, and ends within a time limit."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable

from tocsin_instrument.log_json import EXPORT_THREAD_PREFIX


class BackgroundLoop:
    """Calls `step` every `interval_seconds`, sooner after `wake`, and once more when it is closed.

    `step` must not raise. The thread begins with the first `ensure_running`, in the process that
    calls it: a server that forks its workers gets one in each.
    """

    def __init__(self, name: str, interval_seconds: float, step: Callable[[], None]) -> None:
        self._name = EXPORT_THREAD_PREFIX + name
        self._interval_seconds = interval_seconds
        self._step = step
        self._fresh()
        forget = weakref.WeakMethod(self._fresh)
        os.register_at_fork(after_in_child=lambda: (method := forget()) and method())

    def _fresh(self) -> None:
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False

    def ensure_running(self) -> None:
        """Start the thread, unless it runs or was closed."""
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._closing:
                    self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                    self._thread.start()

    def wake(self) -> None:
        """Run the next step now."""
        self._wake.set()

    def close(self, timeout_seconds: float) -> bool:
        """Run a last step and end; False when it did not end within the time."""
        with self._lock:
            self._closing = True
            thread = self._thread
        self._wake.set()
        if thread is None:
            return True
        thread.join(timeout_seconds)
        return not thread.is_alive()

    def _run(self) -> None:
        while True:
            self._wake.wait(self._interval_seconds)
            self._wake.clear()
            # Read before the step: a close during it asks for one more.
            closing = self._closing
            self._step()
            if closing:
                return
