"""CSV and Parquet with four columns: `name`, `labels` (JSON), `timestamp`, `value`.

`timestamp` is milliseconds since 1970 or an RFC 3339 time in CSV, timestamp or int64 (ms) in
Parquet; exports write UTC. A stale marker is the word `stale` in CSV and its own NaN in Parquet.
Columns of native histograms are series with the label `__histogram__`. pyarrow is loaded when a
file is opened.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from collector.interchange.samples import Samples
from collector.model.errors import InputError, Where
from collector.model.labels import METRIC_NAME, Labels
from collector.model.samples import NORMAL_NAN_BITS, STALE, Float64s, Int64s, is_missing, is_stale

COLUMNS = ("name", "labels", "timestamp", "value")
STALE_WORD = "stale"
BATCH_ROWS = 1 << 20
CSV_BLOCK_BYTES = 8 * 1024 * 1024
_WRONG = (ValueError, TypeError, AttributeError)


def read_csv(path: Path) -> Iterator[Samples]:
    """See `Reader`."""
    import pyarrow as pa
    from pyarrow import csv

    options = csv.ConvertOptions(column_types={name: pa.string() for name in COLUMNS})
    try:
        batches = csv.open_csv(
            path, csv.ReadOptions(block_size=CSV_BLOCK_BYTES), convert_options=options
        )
        yield from _samples(path, batches, batches.schema.names)
    except pa.ArrowException as error:
        raise InputError(str(error), where=Where(str(path)), advice=_advice()) from error


def read_parquet(path: Path) -> Iterator[Samples]:
    """See `Reader`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            wanted = [name for name in COLUMNS if name in names]
            batches = file.iter_batches(BATCH_ROWS, columns=wanted, use_threads=False)
            yield from _samples(path, batches, names)
    except pa.ArrowException as error:
        raise InputError(str(error), where=Where(str(path)), advice=_advice()) from error


def _advice() -> str:
    return f"the columns are {', '.join(COLUMNS)}; docs/storage.md tells what they hold"


def _samples(path: Path, batches: Any, names: Sequence[str]) -> Iterator[Samples]:
    if missing := [name for name in COLUMNS if name not in names]:
        raise InputError(
            f"no column {', '.join(missing)}", where=Where(str(path)), advice=_advice()
        )
    labels: list[Labels] = []
    known: dict[tuple[str, str], int] = {}
    row = 1
    for batch in batches:
        try:
            series = _series(batch, labels, known)
            times, values = _times(batch), _values(batch)
        except _WRONG as error:
            where = Where(str(path), row + _first_wrong(batch) + 1)
            raise InputError(str(error), where=where, advice=_advice()) from error
        yield Samples(labels, series, times, values, batch.nbytes)
        row += batch.num_rows


def _first_wrong(batch: Any) -> int:
    """The first row of a batch without which those before it can be read."""

    def is_wrong(row: int) -> bool:
        head = batch.slice(0, row + 1)
        try:
            _series(head, [], {})
            _times(head)
            _values(head)
        except _WRONG:
            return True
        return False

    return bisect_left(range(batch.num_rows), True, key=is_wrong)


def _series(batch: Any, labels: list[Labels], known: dict[tuple[str, str], int]) -> Int64s:
    """The index of each row's series; a pair of name and labels is read once."""
    name = batch.column("name").fill_null("").dictionary_encode()
    text = batch.column("labels").fill_null("").dictionary_encode()
    width = len(text.dictionary)
    pair = name.indices.to_numpy().astype(np.int64) * width + text.indices.to_numpy()
    different, place = np.unique(pair, return_inverse=True)
    names, texts = name.dictionary.to_pylist(), text.dictionary.to_pylist()
    numbers = np.empty(len(different), np.int64)
    for i, one in enumerate(different.tolist()):
        key = names[one // width], texts[one % width]
        if key not in known:
            known[key] = len(labels)
            labels.append(_labels(*key))
        numbers[i] = known[key]
    return numbers[place]


def _labels(name: str, text: str) -> Labels:
    pairs = json.loads(text) if text else {}
    if not name or not isinstance(pairs, dict):
        raise ValueError(f"no series: name {name!r}, labels {text!r}")
    if any(not isinstance(value, str) for value in pairs.values()):
        raise ValueError(f"label values must be strings: {text!r}")
    return Labels([(METRIC_NAME, name), *pairs.items()])


def _times(batch: Any) -> Int64s:
    import pyarrow as pa

    column = batch.column("timestamp")
    if column.null_count:
        raise ValueError("a row without a timestamp")
    if pa.types.is_string(column.type):
        try:
            column = column.cast(pa.int64())
        except pa.ArrowInvalid:
            column = column.cast(pa.timestamp("ms", tz="UTC"))
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms", tz="UTC"), safe=False).cast(pa.int64())
    return np.array(column.cast(pa.int64()).to_numpy(zero_copy_only=False), np.int64)


def _values(batch: Any) -> Float64s:
    import pyarrow as pa
    import pyarrow.compute as pc

    column = batch.column("value")
    if column.null_count:
        raise ValueError("a row without a value")
    if not pa.types.is_string(column.type):
        return np.array(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
    stale = np.array(pc.equal(column, STALE_WORD).to_numpy(zero_copy_only=False), np.bool_)
    if stale.any():
        column = pc.if_else(pa.array(stale), "0", column)
    values = np.array([float(text) for text in column.to_pylist()])
    values.view(np.int64)[np.isnan(values)] = NORMAL_NAN_BITS
    values.view(np.int64)[stale] = np.array([STALE]).view(np.int64)[0]
    return values


def _flat(
    labels: Sequence[Labels], timestamps_ms: Int64s, values: Float64s
) -> tuple[dict[str, Any], Float64s]:
    """The columns but the values, and these, of all samples; series by series."""
    import pyarrow as pa

    rows, cells = np.nonzero(~is_missing(values))
    index = pa.array(rows.astype(np.int32))
    texts = [_text(one) for one in labels]
    columns = {
        "name": pa.DictionaryArray.from_arrays(index, [one.metric_name for one in labels]),
        "labels": pa.DictionaryArray.from_arrays(index, texts),
        "timestamp": pa.array(timestamps_ms[cells], pa.timestamp("ms", tz="UTC")),
    }
    return columns, values[rows, cells]


def _text(labels: Labels) -> str:
    pairs = {name: value for name, value in labels.pairs if name != METRIC_NAME}
    return json.dumps(pairs, ensure_ascii=False, separators=(",", ":"))


class ParquetWriter:
    """See `Writer`."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._schema = pa.schema(
            [
                ("name", pa.string()),
                ("labels", pa.string()),
                ("timestamp", pa.timestamp("ms", tz="UTC")),
                ("value", pa.float64()),
            ]
        )
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    def add(self, labels: Sequence[Labels], timestamps_ms: Int64s, values: Float64s) -> int:
        """See `Writer.add`."""
        import pyarrow as pa

        columns, flat = _flat(labels, timestamps_ms, values)
        table = pa.table({**columns, "value": pa.array(flat)})
        self._writer.write_table(table.cast(self._schema))
        return len(flat)

    def close(self) -> None:
        """See `Writer.close`."""
        self._writer.close()


class CsvWriter:
    """See `Writer`."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa
        from pyarrow import csv

        self._schema = pa.schema([(name, pa.string()) for name in COLUMNS])
        self._writer = csv.CSVWriter(path, self._schema)

    def add(self, labels: Sequence[Labels], timestamps_ms: Int64s, values: Float64s) -> int:
        """See `Writer.add`."""
        import pyarrow as pa
        import pyarrow.compute as pc

        columns, flat = _flat(labels, timestamps_ms, values)
        columns["timestamp"] = pc.strftime(columns["timestamp"], "%Y-%m-%dT%H:%M:%SZ")
        texts = pa.array([repr(value) for value in flat.tolist()], pa.string())
        stale = is_stale(flat)
        if stale.any():
            texts = pc.if_else(pa.array(stale), STALE_WORD, texts)
        self._writer.write_table(pa.table({**columns, "value": texts}).cast(self._schema))
        return len(flat)

    def close(self) -> None:
        """See `Writer.close`."""
        self._writer.close()
