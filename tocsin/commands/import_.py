"""`tocsin import`: samples of any age from files, straight into blocks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tocsin.commands.output import Output, emit
from tocsin.commands.progress import counted
from tocsin.commands.up import DEFAULT_DATA_DIR

if TYPE_CHECKING:
    from collector.store.history import HistoryWriter


def import_(
    files: list[Path] = typer.Argument(help="OpenMetrics, CSV or Parquet."),
    data_dir: Path = typer.Option(
        DEFAULT_DATA_DIR, help="On this machine; tocsin may run on it or not."
    ),
    file_format: str = typer.Option(
        "", "--format", help="openmetrics, csv, parquet; else the end of the name says it."
    ),
    output: Output = Output.table,
) -> None:
    """Take in files of samples; what is there already stays, so it may be done again."""
    from collector.store.history import HistoryWriter
    from tocsin.commands.store_copy import store_directory

    store = store_directory(data_dir)
    reader_names = [format_of(path, file_format) for path in files]
    _check_there(files)
    writer = HistoryWriter(store)
    rows = []
    with counted("imported", sum(path.stat().st_size for path in files)) as progress:
        for path, name in zip(files, reader_names, strict=True):
            samples = 0
            for count, nbytes in _copied(path, name, writer):
                samples += count
                progress(path.name, nbytes)
            rows.append({"file": str(path), "samples": samples})
        writer.close()
    emit(rows, output)
    typer.echo("a tocsin that runs on this directory shows them within a minute", err=True)


def _copied(path: Path, name: str, writer: HistoryWriter) -> Iterator[tuple[int, int]]:
    """How many samples, and bytes, of each piece that was taken in."""
    from collector.interchange import READERS

    for piece in READERS[name](path):
        writer.add(piece.labels, piece.series, piece.timestamps_ms, piece.values)
        yield len(piece.series), piece.nbytes


def format_of(path: Path, wanted: str) -> str:
    """The name of a file's format. Raises ConfigError when it can't be told."""
    from collector.interchange import ENDINGS, READERS
    from collector.model.errors import ConfigError, Where

    name = wanted or ENDINGS.get(path.suffix.lower(), "")
    if name not in READERS:
        raise ConfigError(
            f"what format is this? {wanted or path.suffix!r} is none of {', '.join(READERS)}",
            where=Where(str(path)),
            advice="give --format",
        )
    return name


def _check_there(files: list[Path]) -> None:
    from collector.model.errors import ConfigError, Where

    for path in files:
        if not path.is_file():
            raise ConfigError("no such file", where=Where(str(path)), advice="check the path")
