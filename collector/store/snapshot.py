"""A consistent copy of a store that is running: a data directory of its own, made of hard links.

Blocks never change, so a link is a copy. What is in memory is written as a checkpoint.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from collector.model.errors import StorageError, Where
from collector.model.metadata import Metadata
from collector.store.block import Block
from collector.store.checkpoint import write_checkpoint
from collector.store.disk import UNFINISHED, link_tree
from collector.store.head_copy import HeadCopy
from collector.store.wal import sync_directory

DIRECTORY = "snapshots"


def free_name(directory: Path, now_ms: int) -> str:
    """A name as Prometheus gives them, `20171210T211224Z-…`, that is not there yet."""
    stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    number = now_ms % 1000
    while (directory / f"{stamp}-{number:016x}").exists():
        number += 1
    return f"{stamp}-{number:016x}"


def remove_unfinished(directory: Path) -> None:
    """What is left, below the store's `directory`, of snapshots that were not finished."""
    for path in (directory / DIRECTORY).glob("*" + UNFINISHED):
        shutil.rmtree(path, ignore_errors=True)


def write_snapshot(
    directory: Path,
    now_ms: int,
    blocks: Mapping[str, Sequence[Block]],
    number: int,
    copy: HeadCopy,
    metadata: Mapping[str, Metadata],
) -> str:
    """Below the store's `directory`; gives its name. `blocks` by the name of their directory there.

    `number`: of the log's segment when `copy` was made. Raises StorageError; then nothing is left.
    """
    name = free_name(directory / DIRECTORY, now_ms)
    path = directory / DIRECTORY / name
    temporary = path.with_name(name + UNFINISHED)
    try:
        remove_unfinished(directory)
        (temporary / "wal").mkdir(parents=True)
        for place, some in blocks.items():
            (temporary / place).mkdir(parents=True)
            for block in some:
                link_tree(block.path, temporary / place / block.path.name)
            sync_directory(temporary / place)
            deletions = Path(place).parent / "tombstones"
            if (directory / deletions).exists():
                os.link(directory / deletions, temporary / deletions)
        write_checkpoint(temporary / "wal", number, copy, metadata)
        sync_directory(temporary / "wal")
        sync_directory(temporary)
        os.rename(temporary, path)
        sync_directory(path.parent)
    except OSError as error:
        raise StorageError(
            f"a snapshot can't be made: {error.strerror}",
            where=Where(str(path)),
            advice="free some disk space, and check who owns the directory",
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return name
