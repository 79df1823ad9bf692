"""FORMAT.md is true: a segment is read here by its drawing alone."""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from collector.model import Labels, ManualClock
from collector.model.metadata import Metadata
from collector.store.tsdb import Tsdb


def test_a_segment_is_read_by_the_drawing_of_the_format(tmp_path: Path) -> None:
    store = Tsdb.open(tmp_path, ManualClock(5000))
    refs = store.refs("src", [Labels.of("x", a="1"), Labels.of("y")])
    store.append_row("src", 5000, refs, np.array([1.5, 2.5]), np.array([7, 8]))
    store.append_row("src", 6000, refs, np.array([3.5, 4.5]), np.array([7, 8]))
    store.set_metadata("x", Metadata("gauge", "Help.", "s"))
    os.close(store._lock_descriptor)
    data = (tmp_path / "wal" / "0000000001.wal").read_bytes()
    assert data[:8] == b"TOCSWAL2"
    at, payloads = 8, []
    while at < len(data):
        assert data[at : at + 4] == b"\xf1REC"
        length, checksum, kind = struct.unpack_from("<IIB", data, at + 4)
        payload = data[at + 13 : at + 13 + length]
        assert zlib.crc32(data[at + 4 : at + 8] + bytes([kind]) + payload) == checksum
        payloads.append((kind, payload))
        at += 13 + length
    assert [kind for kind, _ in payloads] == [1, 2, 3, 3, 4]
    series, layout, row, again, metadata = (payload for _, payload in payloads)
    assert struct.unpack_from("<I", series) == (0,)
    assert json.loads(zlib.decompress(series[4:])) == [
        [["__name__", "x"], ["a", "1"]],
        [["__name__", "y"]],
    ]
    assert layout == struct.pack("<II3sII", 0, 3, b"src", 0, 1)
    assert row == struct.pack("<IBqddqq", 0, 2, 5000, 1.5, 2.5, 7, 8)
    assert again == struct.pack("<IBqdd", 0, 1, 6000, 3.5, 4.5)
    assert json.loads(metadata) == ["x", "gauge", "Help.", "s"]
