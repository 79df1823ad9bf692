"""`Discoverer`: finds targets and says so again whenever they change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from collector.model.labels import Labels

Publish = Callable[[Sequence[Labels]], None]
"""Takes every target that is known now: labels with `__address__` and `__meta_…`."""


class Discoverer(Protocol):
    """One way to find targets."""

    async def run(self, publish: Publish) -> None:
        """Publish all targets, then again at each change; returns when there can be none."""
        ...
