"""OpenMetrics text with a timestamp on every line, as `promtool tsdb create-blocks-from` takes it.

The format has no word for a stale marker: they are left out of an export. Columns of native
histograms are written as the series that they are in the store; their label, which no target may
give, is called OUTWARD here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from collector.ingest.formats.lines import LineReader
from collector.ingest.formats.scan.text_lines import NO_TIMESTAMP
from collector.interchange.samples import Samples
from collector.model.errors import InputError, Where
from collector.model.histogram_columns import COMPONENT
from collector.model.labels import METRIC_NAME, Labels
from collector.model.samples import NORMAL_NAN_BITS, Float64s, Int64s, is_sample

_PLACE = re.compile(r"line (\d+)")
_NAN = np.array([NORMAL_NAN_BITS]).view(np.float64)[0]
OUTWARD = "__native_histogram__"
_END = b"# EOF\n"
PIECE_BYTES = 4 * 1024 * 1024
"""Read at a time."""


def read_openmetrics(path: Path) -> Iterator[Samples]:
    """See `Reader`."""
    reader = LineReader(openmetrics=True)
    first_line = 1
    for piece in _pieces(path):
        try:
            lines = reader.read(piece)
        except InputError as error:
            found = _PLACE.search(str(error.where))
            where = Where(str(path), first_line + (int(found[1]) - 1 if found else 0))
            raise InputError(error.message, where=where, advice=error.advice) from error
        times = lines.timestamps_ms
        untimed = np.ones(len(lines.values), np.bool_) if times is None else times == NO_TIMESTAMP
        if len(lines.values):
            if times is None or untimed.any():
                raise InputError(
                    "a sample without a timestamp",
                    where=Where(str(path), first_line),
                    advice="write the time in seconds after each value",
                )
            used, place = np.unique(lines.indices, return_inverse=True)
            labels = [_inward(lines.table.labels_of(index)) for index in used.tolist()]
            values = np.where(np.isnan(lines.values), _NAN, lines.values)
            yield Samples(labels, place.ravel(), times, values, len(piece))
        first_line += piece.count(b"\n") - 1  # the end of its own


def _pieces(path: Path) -> Iterator[bytes]:
    """Whole lines, each piece with an end of its own; the last one has the file's."""
    with path.open("rb") as file:
        piece = rest = b""
        while data := file.read(PIECE_BYTES):
            data = rest + data
            end = data.rfind(b"\n") + 1
            rest = data[end:]
            if end:
                if piece:
                    yield piece + _END
                piece = data[:end]
        yield piece + rest


def _inward(labels: Labels) -> Labels:
    component = labels.get(OUTWARD)
    return labels.without(OUTWARD).merged({COMPONENT: component}) if component else labels


class OpenMetricsWriter:
    """See `Writer`; the samples of a series must be added with rising time, those of a metric
    one after the other.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")

    def add(self, labels: Sequence[Labels], timestamps_ms: Int64s, values: Float64s) -> int:
        """See `Writer.add`."""
        there = is_sample(values)
        seconds = [f"{time // 1000}.{time % 1000:03}" for time in timestamps_ms.tolist()]
        for i, one in enumerate(labels):
            text = series_text(one)
            row = values[i].tolist()
            kept = np.flatnonzero(there[i]).tolist()
            self._file.writelines(f"{text} {_number(row[t])} {seconds[t]}\n" for t in kept)
        return int(there.sum())

    def close(self) -> None:
        """See `Writer.close`."""
        with self._file as file:
            file.write("# EOF\n")


def series_text(labels: Labels) -> str:
    """A series as it stands in a line; names that are not plain in quotes, as in Prometheus 3."""
    name = labels.metric_name
    plain = _is_plain(name.replace(":", "_"))
    terms = [] if plain else [_quoted(name)]
    for key, value in labels.pairs:
        if key != METRIC_NAME:
            written = OUTWARD if key == COMPONENT else key
            shown = written if _is_plain(written) else _quoted(written)
            terms.append(f"{shown}={_quoted(value)}")
    return (name if plain else "") + (f"{{{','.join(terms)}}}" if terms else "")


def _is_plain(name: str) -> bool:
    return name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit()


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return f'"{escaped}"'


def _number(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (np.inf, -np.inf):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)
