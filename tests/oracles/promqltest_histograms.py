"""Native histograms in PromQL test scripts: their notation, and classic ones turned into custom.

`{{schema:0 sum:5 count:4 buckets:[1 2 1]}}` is one histogram; buckets begin at index `offset`.
What is loaded has the reset hints that Prometheus's storage gives.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace

from collector.model.histogram_arithmetic import add, subtract, was_reset
from collector.model.histograms import CUSTOM_BUCKETS, Buckets, NativeHistogram, ResetHint
from collector.model.labels import METRIC_NAME, Labels
from collector.model.samples import is_sample
from tests.oracles.memory_store import values_of

_FIELD = re.compile(r"(\w+):(\[[^\]]*\]|\S+)")
_HINTS = {
    "unknown": ResetHint.UNKNOWN,
    "reset": ResetHint.RESET,
    "not_reset": ResetHint.NOT_RESET,
    "gauge": ResetHint.GAUGE,
}
SERIES = re.compile(r"(\{\{.*?\}\})(?:([+-])(\{\{.*?\}\}))?(?:x(\d+))?")
Series = list[tuple[Labels, list[float | None]]]


def read_histogram(text: str) -> tuple[NativeHistogram, bool]:
    """The histogram of `{{…}}`, and whether its reset hint was written down."""
    fields = dict(_FIELD.findall(text.removeprefix("{{").removesuffix("}}")))
    histogram = NativeHistogram(
        schema=int(fields.get("schema", "0")),
        count=float(fields.get("count", "0")),
        sum=float(fields.get("sum", "0")),
        zero_threshold=float(fields.get("z_bucket_w", "0")),
        zero_count=float(fields.get("z_bucket", "0")),
        positive=_buckets(fields.get("buckets", "[]"), int(fields.get("offset", "0"))),
        negative=_buckets(fields.get("n_buckets", "[]"), int(fields.get("n_offset", "0"))),
        custom_values=tuple(_numbers(fields.get("custom_values", "[]"))),
        reset_hint=_HINTS[fields.get("counter_reset_hint", "unknown")],
    )
    return histogram, "counter_reset_hint" in fields


def read_histograms(item: str) -> Iterator[tuple[NativeHistogram, bool]]:
    """What one item of a series line stands for: `{{…}}`, `{{…}}x3`, `{{…}}+{{…}}x3`."""
    match = SERIES.fullmatch(item)
    if match is None:
        raise ValueError(f"not a histogram: {item}")
    current, hinted = read_histogram(match.group(1))
    yield current, hinted
    for _ in range(int(match.group(4) or 0)):
        if match.group(3):
            change, _ = read_histogram(match.group(3))
            combine = add if match.group(2) == "+" else subtract
            current = combine(current, change).histogram
        yield current, hinted


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.strip("[]").split()]


def _buckets(text: str, offset: int) -> Buckets:
    return tuple((offset + i, count) for i, count in enumerate(_numbers(text)) if count)


def same_histogram(
    got: NativeHistogram,
    wanted: NativeHistogram,
    hinted: bool,
    same: object,
) -> bool:
    """Equal within the reference's tolerance; the reset hint only where one was written."""
    equal = same if callable(same) else (lambda a, b: a == b)
    if hinted and got.reset_hint != wanted.reset_hint:
        return False
    if got.schema != wanted.schema or got.custom_values != wanted.custom_values:
        return False
    numbers = [
        (got.count, wanted.count),
        (got.sum, wanted.sum),
        (got.zero_count, wanted.zero_count),
        (got.zero_threshold, wanted.zero_threshold),
    ]
    for mine, theirs in ((got.positive, wanted.positive), (got.negative, wanted.negative)):
        if [index for index, _ in mine] != [index for index, _ in theirs]:
            return False
        numbers += [(a, b) for (_, a), (_, b) in zip(mine, theirs, strict=True)]
    return all(equal(a, b) for a, b in numbers)


def custom_from_classic(
    series: Iterable[tuple[Labels, list[float | None]]],
) -> list[tuple[Labels, dict[int, NativeHistogram]]]:
    """`_with_nhcb`: each classic histogram as one with custom buckets, by index of the sample."""
    buckets: dict[Labels, dict[int, dict[float, float]]] = defaultdict(lambda: defaultdict(dict))
    counts: dict[Labels, dict[int, float]] = defaultdict(dict)
    sums: dict[Labels, dict[int, float]] = defaultdict(dict)
    for labels, values in series:
        name = labels.metric_name
        for i, value in enumerate(values):
            if value is None or not is_sample(values_of([value]))[0]:
                continue
            if name.endswith("_bucket") and "le" in labels:
                buckets[_stripped(labels, "_bucket")][i][float(labels["le"])] = value
            elif name.endswith("_count"):
                counts[_stripped(labels, "_count")][i] = value
            elif name.endswith("_sum"):
                sums[_stripped(labels, "_sum")][i] = value
    return [
        (
            labels,
            {
                i: _custom(found, counts[labels].get(i), sums[labels].get(i, 0.0))
                for i, found in by_index.items()
            },
        )
        for labels, by_index in buckets.items()
    ]


def _stripped(labels: Labels, suffix: str) -> Labels:
    return labels.without("le").merged({METRIC_NAME: labels.metric_name.removesuffix(suffix)})


def _custom(cumulative: dict[float, float], count: float | None, total: float) -> NativeHistogram:
    bounds = sorted(cumulative)
    top = cumulative[bounds[-1]] if count is None else count
    found, before = [], 0.0
    finite = [bound for bound in bounds if bound != math.inf]
    for i, bound in enumerate(finite):
        found.append((i, cumulative[bound] - before))
        before = cumulative[bound]
    found.append((len(finite), top - before))
    histogram = NativeHistogram(CUSTOM_BUCKETS, top, total, custom_values=tuple(finite))
    return replace(histogram, positive=tuple((i, n) for i, n in found if n))


def as_stored(histogram: NativeHistogram, previous: NativeHistogram | None) -> NativeHistogram:
    """With the reset hint that Prometheus's storage gives a sample when it is read back.

    The first sample of a chunk is of unknown kind; the others of a chunk were no resets, as a reset
    and a new layout begin a chunk. `previous` is the sample before, None where it was no histogram.
    """
    gauge = ResetHint.GAUGE
    if histogram.reset_hint == gauge:
        return histogram
    if previous is None or previous.reset_hint == gauge or _layout(previous) != _layout(histogram):
        return histogram.with_hint(ResetHint.UNKNOWN)
    begins = was_reset(histogram, previous)
    return histogram.with_hint(ResetHint.UNKNOWN if begins else ResetHint.NOT_RESET)


def _layout(histogram: NativeHistogram) -> tuple[object, ...]:
    return histogram.schema, histogram.zero_threshold, histogram.custom_values
