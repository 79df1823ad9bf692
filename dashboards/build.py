"""Boards to files: each written whole or not at all, and told whether it changed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from collector.model.errors import StorageError, Where
from dashboards.board import Board

if TYPE_CHECKING:
    from dashboards.grafana import Datasource

Change = Literal["created", "updated", "unchanged"]


@dataclass(frozen=True, slots=True)
class Written:
    """One board's file."""

    board: Board
    path: Path
    change: Change


def write_boards(
    boards: Sequence[Board], directory: Path, datasource: Datasource | None = None
) -> list[Written]:
    """Write `<uid>.json` for each board; raises StorageError when the directory refuses."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return [_write(board, directory, datasource) for board in boards]
    except OSError as error:
        raise StorageError(
            f"the boards can't be written: {error.strerror}",
            where=Where(str(directory)),
            advice="give a directory that you may write to",
        ) from error


def _write(board: Board, directory: Path, datasource: Datasource | None) -> Written:
    from dashboards.grafana import dumps, to_grafana

    path = directory / f"{board.uid}.json"
    text = dumps(to_grafana(board, datasource))
    before = path.read_text(encoding="utf-8") if path.exists() else None
    if before == text:
        return Written(board, path, "unchanged")
    unfinished = path.with_suffix(".json.part")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)
    return Written(board, path, "created" if before is None else "updated")
