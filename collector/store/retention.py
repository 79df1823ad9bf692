"""Decides what leaves memory for a block, and which blocks are too old or too many bytes: pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Extent(Protocol):
    """What retention asks of a block."""

    last_ms: int
    nbytes: int


Kept = TypeVar("Kept", bound=Extent)


def cut_time_ms(first_ms: int, now_ms: int, span_ms: int) -> int | None:
    """Rows before this time go to blocks now; None: nothing is due.

    Blocks begin at multiples of their span. A span is cut when it ended half a span ago, so late
    samples mostly find it still in memory: memory holds half a span at least and one and a half at
    most. `first_ms` is the oldest row in memory, -1 when there is none.
    """
    boundary_ms = (now_ms - span_ms // 2) // span_ms * span_ms
    return boundary_ms if 0 <= first_ms < boundary_ms else None


def too_old(blocks: Sequence[Kept], before_ms: int) -> list[Kept]:
    """Blocks whose newest sample is past retention."""
    return [block for block in blocks if block.last_ms < before_ms]


def too_many(blocks: Sequence[Kept], limit_bytes: int, used_bytes: int) -> list[Kept]:
    """The oldest blocks, as many as must go for the rest and `used_bytes` to fit the limit.

    A limit of 0 is none.
    """
    excess = sum(block.nbytes for block in blocks) + used_bytes - limit_bytes
    gone: list[Kept] = []
    for block in sorted(blocks, key=lambda one: one.last_ms):
        if not limit_bytes or excess <= 0:
            break
        gone.append(block)
        excess -= block.nbytes
    return gone


def limit_bytes(size_bytes: int, percentage: float, disk_bytes: int) -> int:
    """The tighter of a size and a share of the disk; 0: neither is set."""
    limits = [size_bytes, int(disk_bytes * percentage / 100)]
    return min((one for one in limits if one > 0), default=0)
