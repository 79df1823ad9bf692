"""Switches that make a service refuse or dawdle, for a number of requests."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(slots=True)
class Fault:
    """Answer `status` (0: as usual) with `retry_after`, after `delay_seconds`, `count` times."""

    status: int = 0
    retry_after: float | None = None
    delay_seconds: float = 0.0
    count: int = 1


class Faults:
    """The fault of each service, taken one request at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: dict[str, Fault] = {}

    def set(self, service: str, fault: Fault) -> None:
        """Switch a fault on."""
        with self._lock:
            self._faults[service] = fault

    def clear(self) -> None:
        """Switch all off."""
        with self._lock:
            self._faults.clear()

    def take(self, service: str) -> Fault | None:
        """The fault that the next request of a service meets."""
        with self._lock:
            fault = self._faults.get(service)
            if fault is None:
                return None
            fault.count -= 1
            if fault.count <= 0:
                del self._faults[service]
            return fault
