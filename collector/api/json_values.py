"""Answers as Prometheus's JSON: fast for large matrices, exact in how numbers are written.

Sample values are strings as Go writes them; timestamps are numbers of seconds with three decimals
where they are not whole. Source: web/api/v1/json_codec.go of Prometheus 3.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

from collector.api.matrix_json import series_json
from collector.model.exemplar import Exemplar
from collector.model.histograms import Bucket, NativeHistogram
from collector.model.labels import Labels
from collector.model.samples import Float64s, Int64s, is_missing
from collector.query.float_text import json_number
from collector.query.kernels.float_digits import MAX_NUMBER_BYTES, write_points
from collector.query.kernels.windows import read_only
from collector.query.values import (
    Matrix,
    RawSeries,
    Scalar,
    Statistics,
    Text,
    Value,
    Vector,
)

REMEMBERED_TEXTS = 1 << 16
"""Names and values of labels whose JSON is kept: they come again with every answer."""


def value_json(value: Value, statistics: str = "", plan: str = "") -> str:
    """The `data` of a query's answer: `{"resultType":…,"result":…}`.

    `statistics` and `plan` are JSON; what is "" is left out.
    """
    kind, result = _typed(value)
    stats = f',"stats":{statistics}' if statistics else ""
    explained = f',"explain":{plan}' if plan else ""
    return f'{{"resultType":"{kind}","result":{result}{stats}{explained}}}'


def statistics_json(statistics: Statistics, per_step: bool) -> str:
    """What a query cost: util/stats/query_stats.go. Times are in seconds."""
    inner, sort = statistics.evaluate_seconds, statistics.sort_seconds
    prepare, queue = statistics.prepare_seconds, statistics.queue_seconds
    samples: dict[str, object] = {
        "totalQueryableSamples": statistics.samples,
        "peakSamples": statistics.peak_samples,
    }
    if per_step:
        steps = [[time_ms / 1000, count] for time_ms, count in statistics.samples_per_step]
        samples = {"totalQueryableSamplesPerStep": steps, **samples}
    timings = {
        "evalTotalTime": prepare + inner + sort,
        "resultSortTime": sort,
        "queryPreparationTime": prepare,
        "innerEvalTime": inner,
        "execQueueTime": queue,
        "execTotalTime": queue + prepare + inner + sort,
    }
    return json.dumps({"timings": timings, "samples": samples}, separators=(",", ":"))


def exemplars_json(by_series: Mapping[Labels, Sequence[Exemplar]]) -> str:
    """`[{"seriesLabels":…,"exemplars":[…]}]`, sorted by series."""
    return _array(
        f'{{"seriesLabels":{labels_json(series)},'
        f'"exemplars":{_array(map(_exemplar, by_series[series]))}}}'
        for series in sorted(by_series)
    )


def _exemplar(one: Exemplar) -> str:
    return (
        f'{{"labels":{labels_json(one.labels)},"value":"{json_number(one.value)}",'
        f'"timestamp":{seconds(one.timestamp_ms)}}}'
    )


def labels_json(labels: Labels) -> str:
    """A label set as an object."""
    return f"{{{','.join(f'{quoted(name)}:{quoted(value)}' for name, value in labels.pairs)}}}"


def seconds(timestamp_ms: int) -> str:
    """A timestamp in seconds: `12` or `12.345`."""
    sign = "-" if timestamp_ms < 0 else ""
    whole, rest = divmod(abs(timestamp_ms), 1000)
    return f"{sign}{whole}.{rest:03d}" if rest else f"{sign}{whole}"


@lru_cache(maxsize=REMEMBERED_TEXTS)
def quoted(text: str) -> str:
    """A JSON string; bytes that are not UTF-8 become U+FFFD, as in Go."""
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return json.dumps(clean, ensure_ascii=False)


def _typed(value: Value) -> tuple[str, str]:
    match value:
        case Matrix():
            return "matrix", f"[{_matrix_series(value)}]"
        case RawSeries():
            return "matrix", _array(_raw_series(value))
        case Vector():
            return "vector", _array(_vector_series(value))
        case Scalar(value=number, timestamp_ms=time):
            return "scalar", f'[{seconds(time)},"{json_number(number)}"]'
        case Text(value=text, timestamp_ms=time):
            return "string", f"[{seconds(time)},{quoted(text)}]"


def _array(parts: Iterable[str]) -> str:
    return f"[{','.join(parts)}]"


class _Stamps:
    """The texts of a column of times, one after another, as the kernel copies them."""

    def __init__(self, times_ms: Int64s) -> None:
        texts = [seconds(time) for time in times_ms.tolist()]
        self.bytes = np.frombuffer("".join(texts).encode(), np.uint8)
        self.ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
        self.every = np.arange(len(texts), dtype=np.int64)
        widest = max(map(len, texts), default=0)
        self.room = np.empty((widest + MAX_NUMBER_BYTES) * max(len(texts), 1), np.uint8)


def _matrix_series(matrix: Matrix) -> str:
    if matrix.histograms is not None:
        return ",".join(_mixed_series(matrix))
    heads = [f'{{"metric":{labels_json(labels)},"values":[' for labels in matrix.labels]
    return series_json(heads, list(map(seconds, matrix.timestamps_ms.tolist())), matrix.values)


def _raw_series(raw: RawSeries) -> Iterator[str]:
    for row, (labels, (times, values)) in enumerate(zip(raw.labels, raw.samples, strict=True)):
        stamps = _Stamps(times)
        histograms = () if raw.histograms is None else raw.histograms[row]
        yield _series(labels, values, stamps.every, stamps, histograms)


def _mixed_series(matrix: Matrix) -> Iterator[str]:
    stamps = _Stamps(matrix.timestamps_ms)
    times = matrix.timestamps_ms.tolist()
    for row, labels in enumerate(matrix.labels):
        steps = np.flatnonzero(~is_missing(matrix.values[row]))
        cells = () if matrix.histograms is None else matrix.histograms[row]
        found = [(time, one) for time, one in zip(times, cells, strict=True) if one is not None]
        yield _series(labels, matrix.values[row][steps], steps, stamps, found)


def _series(
    labels: Labels,
    values: Float64s,
    steps: Int64s,
    stamps: _Stamps,
    histograms: Sequence[tuple[int, NativeHistogram]] = (),
) -> str:
    parts = [f'"metric":{labels_json(labels)}']
    if len(values) or not histograms:
        cells = read_only(values)
        bits = cells.view(np.int64)
        size = write_points(cells, bits, steps, stamps.bytes, stamps.ends, stamps.room)
        parts.append(f'"values":[{stamps.room[:size].tobytes().decode("ascii")}]')
    if histograms:
        points = (f"[{seconds(time)},{histogram_json(one)}]" for time, one in histograms)
        parts.append(f'"histograms":{_array(points)}')
    return f"{{{','.join(parts)}}}"


def histogram_json(histogram: NativeHistogram) -> str:
    """A native histogram as the API writes it (util/jsonutil): count, sum, and full buckets.

    A bucket is [rule, lower, upper, count]; the rule says which bounds belong to it: 0 the upper,
    1 the lower, 2 none, 3 both.
    """
    parts = [f'"count":"{json_number(histogram.count)}"', f'"sum":"{json_number(histogram.sum)}"']
    buckets = list(map(_bucket_json, histogram.buckets()))
    if buckets:
        parts.append(f'"buckets":{_array(buckets)}')
    return f"{{{','.join(parts)}}}"


def _bucket_json(bucket: Bucket) -> str:
    rule = _BOUNDARIES[bucket.lower_inclusive, bucket.upper_inclusive]
    lower, upper, count = map(json_number, (bucket.lower, bucket.upper, bucket.count))
    return f'[{rule},"{lower}","{upper}","{count}"]'


_BOUNDARIES = {(False, True): 0, (True, False): 1, (False, False): 2, (True, True): 3}


def _vector_series(vector: Vector) -> Iterator[str]:
    stamp = seconds(vector.timestamp_ms)
    cells = vector.histograms
    for row, (labels, number) in enumerate(zip(vector.labels, vector.values.tolist(), strict=True)):
        metric = f'"metric":{labels_json(labels)}'
        if cells is not None and cells[row] is not None:
            yield f'{{{metric},"histogram":[{stamp},{histogram_json(cells[row])}]}}'
        else:
            yield f'{{{metric},"value":[{stamp},"{json_number(number)}"]}}'
