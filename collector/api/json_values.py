"""Answers as Prometheus's JSON: fast for large matrices, exact in how numbers are written.

Sample values are strings as Go writes them; timestamps are numbers of seconds with three decimals
where they are not whole. Source: web/api/v1/json_codec.go of Prometheus 3.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from collector.model.labels import Labels
from collector.model.samples import Float64s, Int64s, is_missing
from collector.query.float_text import json_number
from collector.query.values import Matrix, RawSeries, Scalar, Text, Value, Vector

_EXACT = 2.0**53


def value_json(value: Value) -> str:
    """The `data` of a query's answer: `{"resultType":…,"result":…}`."""
    match value:
        case Matrix():
            return _typed("matrix", _array(_matrix_series(value)))
        case RawSeries():
            return _typed("matrix", _array(_raw_series(value)))
        case Vector():
            return _typed("vector", _array(_vector_series(value)))
        case Scalar(value=number, timestamp_ms=time):
            return _typed("scalar", f'[{seconds(time)},"{json_number(number)}"]')
        case Text(value=text, timestamp_ms=time):
            return _typed("string", f"[{seconds(time)},{quoted(text)}]")


def labels_json(labels: Labels) -> str:
    """A label set as an object."""
    return f"{{{','.join(f'{quoted(name)}:{quoted(value)}' for name, value in labels.pairs)}}}"


def seconds(timestamp_ms: int) -> str:
    """A timestamp in seconds: `12` or `12.345`."""
    sign = "-" if timestamp_ms < 0 else ""
    whole, rest = divmod(abs(timestamp_ms), 1000)
    return f"{sign}{whole}.{rest:03d}" if rest else f"{sign}{whole}"


def quoted(text: str) -> str:
    """A JSON string; bytes that are not UTF-8 become U+FFFD, as in Go."""
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return json.dumps(clean, ensure_ascii=False)


def number_texts(values: Float64s) -> list[str]:
    """Every value of a float64 array as the API writes it."""
    sizes = np.abs(values)
    whole = (values == np.trunc(values)) & (sizes < _EXACT)
    if whole.all():
        texts = [str(number) for number in values.astype(np.int64).tolist()]
        return _with_negative_zeros(texts, values)
    plain = ~whole & (sizes >= 1e-4) & (sizes < 1e15)
    if plain.all():
        return [repr(number) for number in values.tolist()]
    return [
        repr(number) if simple else json_number(number)
        for number, simple in zip(values.tolist(), plain.tolist(), strict=True)
    ]


def _with_negative_zeros(texts: list[str], values: Float64s) -> list[str]:
    for index in np.flatnonzero((values == 0) & np.signbit(values)).tolist():
        texts[index] = "-0"
    return texts


def _typed(kind: str, result: str) -> str:
    return f'{{"resultType":"{kind}","result":{result}}}'


def _array(parts: Iterable[str]) -> str:
    return f"[{','.join(parts)}]"


def _matrix_series(matrix: Matrix) -> Iterator[str]:
    stamps = [seconds(time) for time in matrix.timestamps_ms.tolist()]
    missing = is_missing(matrix.values)
    gaps: list[bool] = np.asarray(missing.any(axis=1)).tolist()
    for row, labels in enumerate(matrix.labels):
        values, times = matrix.values[row], stamps
        if gaps[row]:
            kept = np.flatnonzero(~missing[row])
            values, times = values[kept], [stamps[step] for step in kept.tolist()]
        yield _series(labels, times, values)


def _raw_series(raw: RawSeries) -> Iterator[str]:
    for labels, (times, values) in zip(raw.labels, raw.samples, strict=True):
        yield _series(labels, _stamps(times), values)


def _stamps(times: Int64s) -> list[str]:
    return [seconds(time) for time in times.tolist()]


def _series(labels: Labels, stamps: Sequence[str], values: Float64s) -> str:
    points = [f'[{t},"{v}"]' for t, v in zip(stamps, number_texts(values), strict=True)]
    return f'{{"metric":{labels_json(labels)},"values":[{",".join(points)}]}}'


def _vector_series(vector: Vector) -> Iterator[str]:
    stamp = seconds(vector.timestamp_ms)
    for labels, text in zip(vector.labels, number_texts(vector.values), strict=True):
        yield f'{{"metric":{labels_json(labels)},"value":[{stamp},"{text}"]}}'
