"""Compiles every scanner, or loads it from numba's cache, before a request has to wait for it."""

from __future__ import annotations

import numpy as np

from collector.ingest.formats import remote_write
from collector.ingest.formats.otlp_metrics import scan
from collector.ingest.formats.text import TextParser
from collector.ingest.key_table import KeyTable
from collector.ingest.point_cache import PointCache


def warm_up() -> None:
    """Blocks for some ten seconds once on a machine, a second later on; call it in a thread."""
    TextParser().parse(b"x 0\n")
    points = scan(b"")
    cache = PointCache()
    cache.make_room(0)
    cache.learn(points.keys, np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    cache.place(points.rows, cache.find(points.keys), points.values)
    nothing = np.zeros(0, dtype=np.uint8)
    table = KeyTable()
    for version in remote_write.VERSIONS:
        keys = remote_write.scan(nothing, version).keys
        table.learn(keys, table.find(keys))
