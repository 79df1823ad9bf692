"""`Exporter`: asks one kind of system how it is and says it in Prometheus's text format."""

from __future__ import annotations

from typing import Protocol


class Exporter(Protocol):
    """Blocking; called from a thread, one call at a time."""

    def exposition(self) -> bytes:
        """Text format 0.0.4; raises UnavailableError when the system can't be asked at all.

        A part that can't be asked is left out and counted by `tocsin_exporter_errors_total`.
        """
        ...
