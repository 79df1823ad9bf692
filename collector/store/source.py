"""What the head remembers of who writes: when it did, and where its last row went."""

from __future__ import annotations

from dataclasses import dataclass

from collector.model.samples import Int64s
from collector.store.stripe import OpenRows, Stripe

NO_STRIPE = -1


@dataclass(slots=True)
class Source:
    """What is known of a scrape target or sender: its first row, its newest, and their stripe."""

    first_ms: int
    last_ms: int
    stripe: int = NO_STRIPE

    def set_back(self, at_ms: int) -> None:
        """None of its rows counts as later than this."""
        self.first_ms, self.last_ms = min(self.first_ms, at_ms), min(self.last_ms, at_ms)


@dataclass(frozen=True, slots=True)
class Route:
    """Where the last row of a source went; holds as long as the same refs array comes again."""

    refs: Int64s
    stripe: Stripe
    rows: OpenRows
    columns: Int64s | None
