"""What a start reads back: the newest checkpoint, then the log after it; what was damaged is told.

Rows go through the same door as when they arrived, so a replayed store refuses, stores and counts
exactly what the one before it did.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from collector.model.metadata import Metadata
from collector.model.samples import Int64s
from collector.store import wal_record as records
from collector.store.checkpoint import add_series, checkpoints, read_checkpoint
from collector.store.head import Head
from collector.store.wal import SUFFIX, cut_tail, read_segment
from collector.store.wal_record import Damage

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Recovery:
    """`checkpoint`: the number of the one that was read (0: none); `next_number`: the first that no
    file has. `torn_bytes`: cut off the end; `damaged`: records in the middle that are lost, and
    rows that can't be read without them.
    """

    metadata: dict[str, Metadata] = field(default_factory=dict)
    ref_now: dict[int, int] = field(default_factory=dict)
    checkpoint: int = 0
    next_number: int = 1
    rows: int = 0
    samples: int = 0
    torn_bytes: int = 0
    damaged: int = 0


def recover(directory: Path, head: Head) -> Recovery:
    """Fill an empty head from the files of a log's directory."""
    for left_over in directory.glob("*.tmp"):
        left_over.unlink()
    found = Recovery()
    _read_checkpoint(directory, head, found)
    segments = sorted(path for path in directory.glob("*" + SUFFIX))
    replay = _Replay(head, found)
    for path in segments:
        if int(path.stem) >= found.checkpoint:
            replay.segment(path, is_last=path == segments[-1])
    numbers = [int(path.stem) + 1 for path in segments]
    found.next_number = max(found.checkpoint, *numbers, 1)
    return found


def _read_checkpoint(directory: Path, head: Head, found: Recovery) -> None:
    paths = checkpoints(directory)
    if not paths:
        return
    damage: list[Damage] = []
    found.checkpoint = int(paths[-1].stem)
    restored = read_checkpoint(paths[-1], head, damage)
    found.metadata, found.ref_now = restored.metadata, restored.ref_now
    found.damaged += len(damage)
    for one in damage:
        log.error("%s: %d bytes at offset %d are damaged", paths[-1], one.length, one.offset)


class _Replay:
    """Rows of the log into the head; refs and layouts are those of the process that wrote."""

    def __init__(self, head: Head, found: Recovery) -> None:
        self._head = head
        self._found = found
        self._ref_now = found.ref_now
        self._layouts: dict[int, tuple[str, Int64s]] = {}
        self._starts: dict[int, Int64s] = {}

    def segment(self, path: Path, *, is_last: bool) -> None:
        damage: list[Damage] = []
        for kind, payload in read_segment(path, damage):
            self._apply(kind, payload)
        for one in damage:
            if one.at_end and is_last:
                self._found.torn_bytes += one.length
                cut_tail(path, one)
            else:
                self._found.damaged += 1
                log.error(
                    "%s: %d bytes at offset %d are damaged and left out; was the disk tampered"
                    " with, or is it failing?",
                    path,
                    one.length,
                    one.offset,
                )

    def _apply(self, kind: int, payload: memoryview) -> None:
        if kind == records.ROW:
            self._row(records.decode_row(payload))
        elif kind == records.SERIES:
            self._ref_now.update(add_series(self._head, payload))
        elif kind == records.LAYOUT:
            number, source, refs = records.decode_layout(payload)
            now = [self._ref_now.get(ref, -1) for ref in refs.tolist()]
            self._layouts[number] = source, np.array(now, np.int64)
        elif kind == records.METADATA:
            family, metadata = records.decode_metadata(payload)
            self._found.metadata[family] = metadata
        elif kind == records.SET_BACK:
            self._head.set_back(records.decode_set_back(payload))
        elif kind == records.EXEMPLARS:
            self._head.exemplars.add(records.decode_exemplars(payload))

    def _row(self, row: records.Row) -> None:
        source, refs = self._layouts.get(row.layout, ("", None))
        if refs is None or len(refs) != len(row.values):
            self._found.damaged += 1
            return
        if row.start_ms is not None:
            self._starts[row.layout] = row.start_ms
        starts = None if row.starts == records.NO_STARTS else self._starts.get(row.layout)
        values = row.values
        if (refs < 0).any():
            known = refs >= 0
            refs, values = refs[known], values[known]
            starts = None if starts is None else starts[known]
        self._found.rows += 1
        self._found.samples += len(refs)
        self._head.append_row(source, row.timestamp_ms, refs, values, starts)
