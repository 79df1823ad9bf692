"""Decides what leaves memory for a block, and which blocks are too old: pure functions of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collector.store.block import Block


def cut_time_ms(first_ms: int, now_ms: int, span_ms: int) -> int | None:
    """Rows before this time go to blocks now; None: nothing is due.

    Blocks begin at multiples of their span. A span is cut when it ended half a span ago, so late
    samples mostly find it still in memory: memory holds half a span at least and one and a half at
    most. `first_ms` is the oldest row in memory, -1 when there is none.
    """
    boundary_ms = (now_ms - span_ms // 2) // span_ms * span_ms
    return boundary_ms if 0 <= first_ms < boundary_ms else None


def too_old(blocks: Sequence[Block], before_ms: int) -> list[Block]:
    """Blocks whose newest sample is past retention."""
    return [block for block in blocks if block.last_ms < before_ms]
