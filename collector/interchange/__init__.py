"""`READERS` and `WRITERS`: files of samples to import and export, by the name of their format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from collector.interchange.openmetrics import OpenMetricsWriter, read_openmetrics
from collector.interchange.samples import Reader, Writer
from collector.interchange.tables import CsvWriter, ParquetWriter, read_csv, read_parquet

READERS: Mapping[str, Reader] = {
    "openmetrics": read_openmetrics,
    "csv": read_csv,
    "parquet": read_parquet,
}

WRITERS: Mapping[str, Callable[[Path], Writer]] = {
    "openmetrics": OpenMetricsWriter,
    "csv": CsvWriter,
    "parquet": ParquetWriter,
}

ENDINGS: Mapping[str, str] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".om": "openmetrics",
    ".txt": "openmetrics",
    ".prom": "openmetrics",
}
"""The format that the end of a file's name says."""
