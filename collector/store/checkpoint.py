"""The whole memory of the store in one file, as it was when a segment of the log began.

A start reads the newest checkpoint and then the segments from its number on, so older segments can
go. Written beside, fsynced and renamed: a checkpoint is there as a whole or not at all.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from collector.model.errors import StorageError, Where
from collector.model.metadata import Metadata
from collector.store import wal_record as records
from collector.store.chunk_codec import Packed
from collector.store.head import Head, HeadCopy, Source
from collector.store.overlay import LatePart
from collector.store.stripe import OpenPart, SealedChunk, seal
from collector.store.wal import sync_directory
from collector.store.wal_record import Buffer, Damage, frame, read_records

log = logging.getLogger(__name__)

MAGIC = b"TOCSCHK1"
SUFFIX = ".checkpoint"
SERIES_PER_RECORD = 10_000
EXEMPLARS_PER_RECORD = 1_000


def checkpoints(directory: Path) -> list[Path]:
    """Files, oldest first."""
    return sorted(directory.glob("*" + SUFFIX))


def write_checkpoint(
    directory: Path, number: int, copy: HeadCopy, metadata: Mapping[str, Metadata]
) -> None:
    """Write what `copy` holds. Raises StorageError; then nothing is left behind."""
    path = directory / f"{number:010}{SUFFIX}"
    temporary = path.with_suffix(".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(MAGIC)
            for kind, payload in _records(copy, metadata):
                _write(file, frame(kind, payload))
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        sync_directory(directory)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(
            f"a checkpoint can't be written: {error.strerror}",
            where=Where(str(path)),
            advice="free some disk space; the log grows until a checkpoint fits",
        ) from error


def _write(file: BinaryIO, buffers: list[Buffer]) -> None:
    for part in buffers:
        file.write(part)


def _records(
    copy: HeadCopy, metadata: Mapping[str, Metadata]
) -> Iterator[tuple[int, list[Buffer]]]:
    for first in range(0, len(copy.labels), SERIES_PER_RECORD):
        labels = copy.labels[first : first + SERIES_PER_RECORD]
        yield records.SERIES, records.encode_series(first, labels)
    header = {"from_ms": copy.from_ms, "sources": copy.sources}
    yield records.STATE, records.encode_arrays(header, copy.totals.arrays())
    for family, one in metadata.items():
        yield records.METADATA, records.encode_metadata(family, one)
    for number, part in copy.chunks:
        for chunk in seal(part) if isinstance(part, OpenPart) else (part,):
            yield records.CHUNK, _encode_chunk(number, chunk)
    if copy.late:
        yield records.LATE, _encode_late(copy.late)
    for first in range(0, len(copy.exemplars), EXEMPLARS_PER_RECORD):
        some = copy.exemplars[first : first + EXEMPLARS_PER_RECORD]
        yield records.EXEMPLARS, records.encode_exemplars(some)
    yield records.END, []


def _encode_chunk(number: int, chunk: SealedChunk) -> list[Buffer]:
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
    return records.encode_arrays({"stripe": number}, arrays)


def _decode_chunk(payload: memoryview) -> tuple[int, SealedChunk]:
    header, (refs, times, *arrays) = records.decode_arrays(payload)
    packed = Packed(len(times), *arrays)
    return header["stripe"], SealedChunk(refs.astype(np.int64), times, packed)


def _encode_late(late: list[LatePart]) -> list[Buffer]:
    refs = np.concatenate([np.repeat(part.refs, len(part.times)) for part in late])
    times = np.concatenate([part.times for part in late])
    return records.encode_arrays({}, [refs, times, np.concatenate([part.values for part in late])])


def read_checkpoint(path: Path, head: Head, damage: list[Damage]) -> dict[str, Metadata]:
    """Fill an empty head; gives the metadata. What is damaged is left out and told."""
    data = path.read_bytes()
    metadata: dict[str, Metadata] = {}
    last = 0
    if data.startswith(MAGIC):
        for kind, payload in read_records(data, len(MAGIC), damage):
            last = kind
            _restore(kind, payload, head, metadata)
    if last != records.END and not damage:
        damage.append(Damage(0, len(data), at_end=True))
    return metadata


def _restore(kind: int, payload: memoryview, head: Head, metadata: dict[str, Metadata]) -> None:
    if kind == records.SERIES:
        for labels in records.decode_series(payload)[1]:
            head.add_series(labels)
    elif kind == records.STATE:
        header, arrays = records.decode_arrays(payload)
        head.from_ms = header["from_ms"]
        head.sources.update({name: Source(ms) for name, ms in header["sources"].items()})
        head.totals.restore(arrays)
    elif kind == records.METADATA:
        family, one = records.decode_metadata(payload)
        metadata[family] = one
    elif kind == records.EXEMPLARS:
        head.exemplars.add(records.decode_exemplars(payload))
    elif kind == records.CHUNK:
        number, chunk = _decode_chunk(payload)
        if chunk.refs[-1] < len(head.labels):
            head.restore(number, chunk)
    elif kind == records.LATE:
        _, (refs, times, values) = records.decode_arrays(payload)
        for ref, time_ms, value in zip(refs.tolist(), times.tolist(), values.tolist(), strict=True):
            head.overlay.add(ref, time_ms, value)
