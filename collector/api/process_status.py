"""What the process knows of itself that Prometheus's API tells; the application fills it in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RuntimeStatus:
    """Since when it runs, and how the last reading of the configuration went.

    `corruptions`: how often the store found damage in its log at the start; `retention` is text.
    """

    started_ms: int
    config_read_ms: int
    reload_succeeded: bool
    corruptions: int
    retention: str


class ProcessStatus(Protocol):
    """The application, as far as the API may know it."""

    def runtime(self) -> RuntimeStatus:
        """How it runs."""
        ...

    def config_yaml(self) -> str:
        """The configuration that holds, as YAML, secrets masked."""
        ...

    def flags(self) -> Mapping[str, str]:
        """Settings by the names of Prometheus's flags."""
        ...
