"""The series of a matrix as JSON, written by a kernel: what large answers spend their time on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from collector.model.samples import Float64s, Int64s
from collector.query.kernels.float_digits import MAX_NUMBER_BYTES, write_rows
from collector.query.kernels.windows import read_only

ROOM_BYTES = 1 << 24
"""Written at once: what fits into it is copied while it is near the processor."""
_AROUND_A_POINT = len(',[,""]')
_AROUND_A_SERIES = len(",]}")


def series_json(heads: Sequence[str], stamps: Sequence[str], values: Float64s) -> str:
    """`HEAD[time,"value"],…]}` of each row, with commas between; MISSING cells are left out.

    `values` float64[n, t]; `heads` are n texts up to the bracket that opens the points, `stamps`
    the t times.
    """
    stamp_bytes, stamp_ends = _laid_end_to_end(stamps)
    widest = max(map(len, stamps), default=0) + MAX_NUMBER_BYTES + _AROUND_A_POINT
    row_bytes = widest * len(stamps) + _AROUND_A_SERIES
    rows = max(ROOM_BYTES // row_bytes, 1)
    parts = []
    for first in range(0, len(heads), rows):
        some = slice(first, first + rows)
        head_bytes, head_ends = _laid_end_to_end(heads[some])
        cells = read_only(values[some])
        room = np.empty(len(cells) * row_bytes + len(head_bytes), np.uint8)
        size = write_rows(
            cells, cells.view(np.int64), head_bytes, head_ends, stamp_bytes, stamp_ends, room
        )
        parts.append(room[:size].tobytes())
    return b",".join(parts).decode()


def _laid_end_to_end(texts: Sequence[str]) -> tuple[NDArray[np.uint8], Int64s]:
    encoded = [text.encode("utf-8", "replace") for text in texts]
    ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)
    return np.frombuffer(b"".join(encoded), np.uint8), ends
