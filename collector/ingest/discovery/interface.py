"""`Discoverer`: finds targets and says so again whenever they change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from collector.model.labels import Labels

Publish = Callable[[Sequence[Labels]], None]
"""Takes every target that is known now: labels with `__address__` and `__meta_…`."""
Fail = Callable[[Exception], None]
"""Takes why a look-up failed; what was published before stays in force."""


class Discoverer(Protocol):
    """One way to find targets."""

    async def run(self, publish: Publish, fail: Fail) -> None:
        """Publish all targets, then again at each change; returns when there can be none.

        A source that fails is told to `fail` and asked again; it never takes targets away.
        """
        ...
