"""The whole memory of the store in one file, as it was when a segment of the log began.

A start reads the newest checkpoint and then the segments from its number on, so older segments can
go. Written beside, fsynced and renamed: a checkpoint is there as a whole or not at all.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from collector.model.errors import StorageError, Where
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import Int64s
from collector.store import wal_record as records
from collector.store.chunk_codec import Packed, pack
from collector.store.disk import NewFile
from collector.store.head import Head
from collector.store.head_copy import HeadCopy
from collector.store.overlay import LatePart
from collector.store.source import Source
from collector.store.stripe import OpenPart, SealedChunk, seal
from collector.store.wal import remedy, sync_directory
from collector.store.wal_record import Buffer, Damage, frame, read_records

log = logging.getLogger(__name__)

MAGIC = b"TOCSCHK2"
SUFFIX = ".checkpoint"
SERIES_PER_RECORD = 10_000
EXEMPLARS_PER_RECORD = 1_000


def checkpoints(directory: Path) -> list[Path]:
    """Files, oldest first."""
    return sorted(directory.glob("*" + SUFFIX))


def write_checkpoint(
    directory: Path, number: int, copy: HeadCopy, metadata: Mapping[str, Metadata]
) -> bool:
    """Write what `copy` holds; whether its name survives a loss of power too.

    Raises StorageError; then there is no such checkpoint. When the file is in its place but the
    directory can't be synced, it counts, for a start would read it, and what it makes needless must
    stay: after a loss of power the log before it may be what is read.
    """
    path = directory / f"{number:010}{SUFFIX}"
    temporary = path.with_suffix(".tmp")
    try:
        temporary.unlink(missing_ok=True)
        with NewFile(temporary) as file:
            file.write(MAGIC)
            for kind, payload in _records(copy, metadata):
                for part in frame(kind, payload):
                    file.write(part)
        os.rename(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StorageError(
            f"a checkpoint can't be written: {error.strerror}",
            where=Where(str(path)),
            advice=f"{remedy(error)}; the log grows until a checkpoint fits",
        ) from error
    try:
        sync_directory(directory)
    except OSError as error:
        log.warning("%s may not survive a loss of power: %s", path, error.strerror)
        return False
    return True


def _records(
    copy: HeadCopy, metadata: Mapping[str, Metadata]
) -> Iterator[tuple[int, list[Buffer]]]:
    yield from _series_records(copy.refs, copy.labels)
    header = {"from_ms": copy.from_ms, "cleaned": copy.cleaned, "sources": copy.sources}
    yield records.STATE, records.encode_arrays(header, [copy.refs, *copy.totals])
    for family, one in metadata.items():
        yield records.METADATA, records.encode_metadata(family, one)
    for kept in copy.chunks:
        for chunk in seal(kept.part) if isinstance(kept.part, OpenPart) else (kept.part,):
            yield records.CHUNK, _encode_chunk(kept.stripe, kept.cleaned, chunk)
    if copy.late:
        yield records.LATE, _encode_late(copy.late)
    for first in range(0, len(copy.exemplars), EXEMPLARS_PER_RECORD):
        some = copy.exemplars[first : first + EXEMPLARS_PER_RECORD]
        yield records.EXEMPLARS, records.encode_exemplars(some)
    yield records.END, []


def _series_records(refs: Int64s, labels: Sequence[Labels]) -> Iterator[tuple[int, list[Buffer]]]:
    """The living, with a gap for each ref between them that is dead."""
    at = 0
    while at < len(refs):
        first = int(refs[at])
        end = int(refs.searchsorted(first + SERIES_PER_RECORD))
        some: list[Labels | None] = [None] * (int(refs[end - 1]) - first + 1)
        for ref, one in zip(refs[at:end].tolist(), labels[at:end], strict=True):
            some[ref - first] = one
        yield records.SERIES, records.encode_series(first, some)
        at = end


def _encode_chunk(number: int, cleaned: int, chunk: SealedChunk) -> list[Buffer]:
    packed = chunk.packed
    arrays: list[records.Array] = [
        chunk.refs.astype(np.uint32),
        chunk.times,
        packed.exponents,
        packed.widths,
        packed.firsts,
        packed.least,
        packed.starts,
        packed.words,
    ]
    return records.encode_arrays({"stripe": number, "cleaned": cleaned}, arrays)


def _decode_chunk(payload: memoryview) -> tuple[int, int, SealedChunk]:
    header, (refs, times, *arrays) = records.decode_arrays(payload)
    packed = Packed(len(times), *arrays)
    return (
        header["stripe"],
        header.get("cleaned", 0),
        SealedChunk(refs.astype(np.int64), times, packed),
    )


def _encode_late(late: list[LatePart]) -> list[Buffer]:
    refs = np.concatenate([np.repeat(part.refs, len(part.times)) for part in late])
    times = np.concatenate([part.times for part in late])
    return records.encode_arrays({}, [refs, times, np.concatenate([part.values for part in late])])


def read_checkpoint(path: Path, head: Head, damage: list[Damage]) -> Restored:
    """Fill an empty head. What is damaged is left out and told."""
    data = path.read_bytes()
    restored = Restored(head)
    last = 0
    if data.startswith(MAGIC):
        for kind, payload in read_records(data, len(MAGIC), damage):
            last = kind
            restored.take(kind, payload)
    if last != records.END and not damage:
        damage.append(Damage(0, len(data), at_end=True))
    restored.date_sources()
    return restored


class Restored:
    """A head that is being filled; `ref_now`: what became of the refs of who wrote."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self.metadata: dict[str, Metadata] = {}
        self.ref_now: dict[int, int] = {}

    def take(self, kind: int, payload: memoryview) -> None:
        """One record."""
        head = self._head
        if kind == records.SERIES:
            self.ref_now.update(add_series(head, payload))
        elif kind == records.STATE:
            self._state(payload)
        elif kind == records.METADATA:
            family, one = records.decode_metadata(payload)
            self.metadata[family] = one
        elif kind == records.EXEMPLARS:
            head.exemplars.add(records.decode_exemplars(payload))
        elif kind == records.CHUNK:
            number, cleaned, chunk = _decode_chunk(payload)
            refs = self._now(chunk.refs)
            if (refs < 0).any():
                chunk = _only(chunk, np.flatnonzero(refs >= 0))
                refs = refs[refs >= 0]
            if len(refs):
                head.restore(number, SealedChunk(refs, chunk.times, chunk.packed), cleaned)
        elif kind == records.LATE:
            self._late(payload)

    def _state(self, payload: memoryview) -> None:
        header, (refs, *totals) = records.decode_arrays(payload)
        self._head.begin_at(header["from_ms"])
        self._head.cleaned = header.get("cleaned", 0)
        for name, first_ms in header["sources"].items():
            self._head.sources[name] = Source(first_ms, first_ms)
        now = self._now(refs)
        self._head.totals.restore(now[now >= 0], [array[now >= 0] for array in totals])

    def _late(self, payload: memoryview) -> None:
        _, (refs, times, values) = records.decode_arrays(payload)
        now = self._now(refs).tolist()
        for ref, time_ms, value in zip(now, times.tolist(), values.tolist(), strict=True):
            if ref >= 0:
                self._head.overlay.add(ref, time_ms, value)

    def _now(self, refs: Int64s) -> Int64s:
        now = self.ref_now
        return np.fromiter((now.get(ref, -1) for ref in refs.tolist()), np.int64, len(refs))

    def date_sources(self) -> None:
        """When a source had its newest row isn't written down: it counts as in use till now."""
        last_ms = self._head.newest_ms = int(self._head.totals.newest_ms.max(initial=-1))
        for source in self._head.sources.values():
            source.last_ms = max(source.first_ms, last_ms)


def add_series(head: Head, payload: memoryview) -> dict[int, int]:
    """The series of a record into a head; gives their refs there by those of who wrote."""
    first, labels = records.decode_series_and_gaps(payload)
    return {ref: head.add_series(one) for ref, one in enumerate(labels, first) if one is not None}


def _only(chunk: SealedChunk, columns: Int64s) -> SealedChunk:
    """Some columns of a chunk."""
    values = np.empty((len(columns), len(chunk.times)))
    chunk.fill(columns, 0, len(chunk.times), values)
    packed = pack(values) if len(columns) else chunk.packed
    return SealedChunk(chunk.refs[columns], chunk.times, packed)
