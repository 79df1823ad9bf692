"""What is wrong with a process on purpose: errors at a rate, latency, a memory leak, a crash.

Whether a request fails is decided by a seeded generator, so that the same switch and the same
number of requests give the same failures.
"""

from __future__ import annotations

import asyncio
import os
import random
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import HTTPException

LEAK_STEP_SECONDS = 0.2
MAX_LEAK_BYTES = 1024**3
"""A leak ends here: it is meant to be seen, not to take the machine down."""

CRASH_DELAY_SECONDS = 0.1
"""Time for the answer to the request that asked for the crash."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What the switch is set to; all zero is a healthy process."""

    error_rate: float = 0.0
    latency_ms: float = 0.0
    crash: bool = False
    leak_mb_per_s: float = 0.0


HEALTHY = Fault()


class Faults:
    """The switch of one process."""

    def __init__(self, seed: int = 1) -> None:
        self._seed = seed
        self._random = random.Random(seed)
        self._leaked: list[bytes] = []
        self._leaking = threading.Event()
        self.now = HEALTHY

    def set(self, fault: Fault) -> None:
        """Switch to `fault`; its failures begin at the start of their sequence."""
        self.now = fault
        self._random = random.Random(self._seed)
        if fault.leak_mb_per_s and not self._leaking.is_set():
            self._leaking.set()
            threading.Thread(target=self._leak, name="leak", daemon=True).start()
        if fault.crash:
            threading.Timer(CRASH_DELAY_SECONDS, os._exit, (1,)).start()

    def clear(self) -> None:
        """Be healthy again, and give leaked memory back."""
        self.set(HEALTHY)

    @property
    def leaked_bytes(self) -> int:
        """How much memory the leak holds now."""
        return sum(map(len, self._leaked))

    def next_fails(self) -> bool:
        """Whether the next request fails."""
        return self._random.random() < self.now.error_rate

    def _leak(self) -> None:
        pause = threading.Event()
        while self.now.leak_mb_per_s:
            if self.leaked_bytes < MAX_LEAK_BYTES:
                # Random bytes, since pages of zeros would not become resident.
                self._leaked.append(
                    os.urandom(int(self.now.leak_mb_per_s * 1e6 * LEAK_STEP_SECONDS))
                )
            pause.wait(LEAK_STEP_SECONDS)
        self._leaked.clear()
        self._leaking.clear()


def meets(faults: Faults) -> Callable[[], Awaitable[None]]:
    """A FastAPI dependency: delays a request, and fails it with 500, as the switch says."""

    async def meet() -> None:
        fails = faults.next_fails()
        if faults.now.latency_ms:
            await asyncio.sleep(faults.now.latency_ms / 1000)
        if fails:
            raise HTTPException(500, "injected fault")

    return meet
