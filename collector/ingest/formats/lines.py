"""Lines of the two text formats to columns: what text.py and openmetrics.py have in common.

Keeps the body that a layout was made from, so that the scanner compares the next one with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collector.ingest.formats.comments import parse_comments, type_of
from collector.ingest.formats.line_table import BOUNDS, Codes, LineTable, Read
from collector.ingest.formats.page import ExposedExemplar
from collector.ingest.formats.scan import text_lines
from collector.ingest.formats.scan.text_lines import scan_lines
from collector.ingest.formats.series_text import SeriesError, parse_exemplar, parse_series
from collector.model.errors import InputError, Where
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import Float64s, Int64s

MAX_FORGOTTEN = 4
"""A table with over this many times the series of a body (and 1,000 more) is made anew."""
EXCERPT_BYTES = 120
_NEWLINE = np.uint8(10)

_BOUND_OF = {"histogram": "le", "summary": "quantile"}
_NO_TYPE = 255
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_TELLS: Mapping[int, tuple[str, str]] = {
    text_lines.BAD_NAME: ("no metric name", 'a sample line is: name{label="value"} number'),
    text_lines.BAD_LABELS: (
        "the labels do not end",
        'close the braces; write \\" for a quote and \\n for a newline in a value',
    ),
    text_lines.BAD_VALUE: (
        "no number",
        "after the series comes one blank and a number, NaN, +Inf or -Inf; lines end with \\n",
    ),
    text_lines.BAD_TIMESTAMP: (
        "no timestamp",
        "the text format takes whole milliseconds, OpenMetrics seconds",
    ),
    text_lines.BAD_REST: ("more than a sample on the line", "end the line after the number"),
    text_lines.BAD_EXEMPLAR: (
        "no exemplar",
        'an exemplar is: # {trace_id="…"} number timestamp-in-seconds',
    ),
    text_lines.AFTER_EOF: ("a line after # EOF", "# EOF must be the last line"),
    text_lines.NO_EOF: (
        "the body ends without # EOF",
        "OpenMetrics must end with # EOF; the answer may have been cut short",
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Every sample line of a body; `indices` (int64[n]) into `table`.

    `indices` and `metadata` are the same objects as those of the body before when its series and
    its comments stand as they stood. `exemplars` are those that the body before did not have.
    """

    table: LineTable
    indices: Int64s
    values: Float64s
    timestamps_ms: Int64s | None
    metadata: Mapping[str, Metadata]
    exemplars: Sequence[ExposedExemplar]


@dataclass(frozen=True, slots=True, eq=False)
class _Memory:
    """The body that the next one is compared with, and what its lines were."""

    body: NDArray[np.uint8]
    lines: Int64s
    comments: Int64s
    indices: Int64s
    types: Codes
    bounds: Codes
    metadata: Mapping[str, Metadata]


class LineReader:
    """Reads the bodies of one target, one after the other."""

    def __init__(self, *, openmetrics: bool) -> None:
        self._openmetrics = openmetrics
        self._table = LineTable()
        self._memory = _nothing()
        self._exemplars: dict[int, bytes] = {}

    def read(self, body: bytes) -> Lines:
        """The lines of a body; raises InputError for the first that is wrong."""
        text = body if body.endswith(b"\n") or not body else body + b"\n"
        array, memory = np.frombuffer(text, dtype=np.uint8), self._memory
        capacity = np.count_nonzero(array == _NEWLINE)
        lines = np.empty((capacity, 4), dtype=np.int64)
        comments = np.empty((capacity, 3), dtype=np.int64)
        values = np.empty(capacity + 1, dtype=np.float64)
        times = np.empty(capacity, dtype=np.int64)
        noted = np.empty((capacity if self._openmetrics else 0, 3), dtype=np.int64)
        status, offset, count, notes, same_comments, settled, odd, timed, exemplars = scan_lines(
            array, self._openmetrics, memory.body, memory.lines, memory.comments,
            lines, comments, values, times, noted,
        )  # fmt: skip
        if status != text_lines.FINE:
            raise line_error(text, offset, *_TELLS[status])
        lines, comments = lines[:count], comments[:notes]
        if odd:
            _read_odd_numbers(text, lines[:, 3], values)
        moved = same_comments and not np.array_equal(comments[:, 2], memory.comments[:, 2])
        if not same_comments or not settled or moved:
            self._remember(text, array, lines, comments, same_comments, settled)
        return Lines(
            self._table,
            self._memory.indices,
            values[:count],
            times[:count] if timed else None,
            self._memory.metadata,
            self._new_exemplars(text, noted[:exemplars], times),
        )

    def _new_exemplars(self, text: bytes, noted: Int64s, times: Int64s) -> list[ExposedExemplar]:
        """Exemplars that their series did not have in the body before: targets repeat them."""
        present: dict[int, bytes] = {}
        found = []
        for line, begin, end in noted.tolist():
            index = int(self._memory.indices[line])
            raw = present[index] = text[begin:end]
            if self._exemplars.get(index) == raw:
                continue
            try:
                labels, value, timestamp_ms = parse_exemplar(raw)
            except SeriesError as error:
                raise line_error(text, begin, error.message, error.advice) from error
            at_ms = None if times[line] == text_lines.NO_TIMESTAMP else int(times[line])
            series = self._table.labels_of(index)
            found.append(ExposedExemplar(series, labels, value, timestamp_ms, at_ms))
        self._exemplars = present
        return found

    def _remember(
        self,
        text: bytes,
        array: NDArray[np.uint8],
        lines: Int64s,
        comments: Int64s,
        same_comments: bool,
        settled: bool,
    ) -> None:
        """Change nothing before all is read: what raises leaves the body before in force."""
        memory, table = self._memory, self._table
        if same_comments:
            metadata, types = memory.metadata, memory.types
        else:
            metadata, types = _metadata(text, comments), _types(text, comments)
        bounds = _bounds(types, comments[:, 2], len(lines))
        if settled and np.array_equal(bounds, memory.bounds):
            indices = memory.indices
        else:
            if len(table) > MAX_FORGOTTEN * len(lines) + 1000:
                table, lines[:, 2] = LineTable(), -1
            indices = table.follow(text, lines, bounds, _series_reader(text))
        spans = lines[:, :2].copy()
        table.stand(text, spans, indices)
        self._table = table
        self._memory = _Memory(array, spans, comments.copy(), indices, types, bounds, metadata)


def _series_reader(text: bytes) -> Read:
    def read(begin: int, end: int, bound: str) -> Labels:
        try:
            return parse_series(text[begin:end], bound)
        except SeriesError as error:
            raise line_error(text, begin, error.message, error.advice) from error

    return read


def _nothing() -> _Memory:
    lines: Int64s = np.empty((0, 2), dtype=np.int64)
    comments: Int64s = np.empty((0, 3), dtype=np.int64)
    body = np.frombuffer(b"\n", dtype=np.uint8)
    none: Codes = np.empty(0, dtype=np.uint8)
    return _Memory(body, lines, comments, np.empty(0, dtype=np.int64), none, none, {})


def _metadata(text: bytes, comments: Int64s) -> dict[str, Metadata]:
    return parse_comments(
        text[begin:end].decode(errors="replace") for begin, end in comments[:, :2].tolist()
    )


def _types(text: bytes, comments: Int64s) -> Codes:
    """Where in BOUNDS each TYPE line's label stands, _NO_TYPE for other comments (uint8[c])."""
    types = (
        type_of(text[begin:end].decode(errors="replace")) for begin, end in comments[:, :2].tolist()
    )
    codes = [_NO_TYPE if one is None else BOUNDS.index(_BOUND_OF.get(one, "")) for one in types]
    return np.array(codes, dtype=np.uint8)


def _bounds(types: Codes, places: Int64s, count: int) -> Codes:
    """What the TYPE line that stands last before a series says, for each of them (uint8[count]).

    So does Prometheus: neither another family's name nor a HELP line ends what a TYPE line says.
    """
    told = types != _NO_TYPE
    lasting = np.diff(places[told], prepend=0, append=count)
    return np.repeat(np.concatenate([np.zeros(1, dtype=np.uint8), types[told]]), lasting)


def _read_odd_numbers(text: bytes, offsets: Int64s, values: Float64s) -> None:
    """Fill the values that the scanner left to `float()`: over 19 digits, subnormal, overflow.

    Raises InputError for one beyond all floats, as Go's ParseFloat does: it is not infinite.
    """
    for position in np.flatnonzero(offsets >= 0).tolist():
        match = _NUMBER.match(text, int(offsets[position]))
        if match is not None:
            values[position] = float(match[0])
            if math.isinf(values[position]):
                raise line_error(text, match.start(), *_TELLS[text_lines.BAD_VALUE])


def line_error(text: bytes, offset: int, message: str, advice: str) -> InputError:
    """An error at a byte of a body: its line's number and beginning."""
    begin = text.rfind(b"\n", 0, offset) + 1
    end = text.find(b"\n", begin)
    line = text[begin : end if end >= 0 else len(text)]
    excerpt = line[:EXCERPT_BYTES].decode(errors="backslashreplace")
    cut = "…" if len(line) > EXCERPT_BYTES else ""
    number = text.count(b"\n", 0, begin) + 1
    column = offset - begin + 1
    return InputError(
        f"{message} at column {column} of {excerpt!r}{cut}",
        where=Where(field=f"line {number}"),
        advice=advice,
    )
