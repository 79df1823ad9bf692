"""Compiles every kernel of the store, or loads it from numba's cache, before a request waits."""

from __future__ import annotations

import numpy as np

from collector.model.labels import Labels
from collector.store import block_columns, downsample, merge
from collector.store.chunk_codec import pack, unpack
from collector.store.head import Head
from collector.store.stripe import CHUNK_ROWS


def warm_up() -> None:
    """Blocks for some seconds once on a machine, for a moment later on; call it in a thread."""
    head = Head(out_of_order_window_ms=0)
    ref = head.add_series(Labels.of("x"))
    refs, values = np.array([ref], np.int64), np.ones(1)
    for row in range(CHUNK_ROWS + 1):
        head.append_row("x", row, refs, values, np.zeros(1, np.int64) if row else None)
    found = merge.windows(head.stripes_of(refs)[0].parts(), -1, CHUNK_ROWS)
    merge.slices(refs, found, lambda _: [])
    unpack(pack(np.ones((1, 2))), refs, 0, 2, np.empty((1, 2)))
    block_columns.warm_up()
    downsample.warm_up()
