"""The blocks of a directory, as a start finds them: what did not finish is undone."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from collector.model.errors import StorageError
from collector.model.labels import Labels
from collector.store.block import Block
from collector.store.block_cache import RowGroups
from collector.store.disk import UNFINISHED, remove_directory

log = logging.getLogger(__name__)


def open_blocks(
    directory: Path, checkpoint: int, ref_of: Callable[[Labels], int], row_groups: RowGroups
) -> tuple[tuple[Block, ...], int]:
    """Every block, in the order of `precedence`, and how many can't be read (they are reported).

    A block that was cut after the last checkpoint is deleted: the process ended in between, the log
    still holds all of it, and it will be cut again. So are blocks that a whole one replaces. Raises
    OSError where that fails.
    """
    blocks: list[Block] = []
    damaged = 0
    for path in sorted(directory.iterdir()):
        if path.suffix == UNFINISHED:
            shutil.rmtree(path, ignore_errors=True)
            continue
        if _log_number(path) > checkpoint:
            remove_directory(path)
            continue
        try:
            blocks.append(Block.open(path, ref_of, row_groups))
        except StorageError as error:
            damaged += 1
            log.error("%s", error)
    replaced = {name for block in blocks for name in block.meta.replaces}
    for block in blocks:
        if block.path.name in replaced:
            block.remove()
    return precedence(block for block in blocks if block.path.name not in replaced), damaged


def precedence(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Later cuts first: where two blocks have a sample of one time, the first wins."""
    return tuple(sorted(blocks, key=lambda one: (-one.meta.log_number, -one.first_ms)))


def _log_number(path: Path) -> int:
    fields = path.name.split("-")
    return int(fields[1]) if len(fields) > 1 and fields[1].isdigit() else 0
