"""A query's answer as rows: what tables, CSV and plots of the terminal are made of. Pure."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from collector.model.labels import Labels
from dashboards.units import format_value

BLOCKS = "▁▂▃▄▅▆▇█"
SPARK_CELLS = 40


@dataclass(frozen=True, slots=True)
class SeriesRows:
    """One series: its labels, times in seconds, and values as the API wrote them."""

    labels: Labels
    times: Sequence[float]
    values: Sequence[str]

    @property
    def name(self) -> str:
        """The series as PromQL writes it."""
        return str(self.labels)

    def numbers(self) -> list[float]:
        """The values; NaN for what is no number, such as a native histogram."""
        return [_number(value) for value in self.values]


def series_rows(data: Mapping[str, Any]) -> list[SeriesRows]:
    """The series in the `data` of a query; a scalar or a text is one without labels."""
    result = data["result"]
    if data["resultType"] in ("scalar", "string"):
        return [SeriesRows(Labels(), [float(result[0])], [str(result[1])])]
    return [_series(one) for one in result]


def _series(one: Mapping[str, Any]) -> SeriesRows:
    points = [*one.get("values", ()), *([one["value"]] if "value" in one else ())]
    points += one.get("histograms", ())
    points += [one["histogram"]] if "histogram" in one else []
    points.sort(key=lambda point: float(point[0]))
    return SeriesRows(
        Labels(one["metric"]),
        [float(time) for time, _ in points],
        [_text(value) for _, value in points],
    )


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return f"histogram of {value['count']}, sum {value['sum']}"
    return str(value)


def value_rows(series: Sequence[SeriesRows]) -> list[dict[str, object]]:
    """A row for each value, with its time where one series has several."""
    has_times = any(len(one.values) > 1 for one in series)
    return [
        {"series": one.name, **({"time": utc(time)} if has_times else {}), "value": value}
        for one in series
        for time, value in zip(one.times, one.values, strict=True)
    ]


def summary_rows(series: Sequence[SeriesRows]) -> list[dict[str, object]]:
    """A row for each series over a range: its course and the figures that sum it up."""
    return [_summary(one) for one in series]


def _summary(one: SeriesRows) -> dict[str, object]:
    numbers = one.numbers()
    known = [value for value in numbers if math.isfinite(value)] or [math.nan]
    return {
        "series": one.name,
        "points": len(numbers),
        "min": format_value(min(known)),
        "mean": format_value(sum(value / len(known) for value in known)),
        "max": format_value(max(known)),
        "last": one.values[-1] if one.values else "",
        "course": spark(numbers),
    }


def json_rows(series: Sequence[SeriesRows], *, is_range: bool) -> list[dict[str, object]]:
    """For machines: labels as an object beside the text, times in seconds, values as text."""
    if not is_range:
        return [
            {"series": one.name, "labels": dict(one.labels), "time": time, "value": value}
            for one in series
            for time, value in zip(one.times, one.values, strict=True)
        ]
    return [
        {
            "series": one.name,
            "labels": dict(one.labels),
            "values": [list(point) for point in zip(one.times, one.values, strict=True)],
        }
        for one in series
    ]


def csv_text(series: Sequence[SeriesRows]) -> str:
    """A line for each value: time in seconds, value, and a column for each label."""
    names = sorted({name for one in series for name in one.labels})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["time", "value", *names])
    for one in series:
        labels = [one.labels.get(name, "") for name in names]
        for time, value in zip(one.times, one.values, strict=True):
            writer.writerow([f"{time:.3f}".rstrip("0").rstrip("."), value, *labels])
    return out.getvalue()


def spark(numbers: Sequence[float], cells: int = SPARK_CELLS) -> str:
    """The course of the values in one line of blocks; a blank where there is none."""
    known = [value for value in numbers if math.isfinite(value)]
    if not known:
        return ""
    low, span = min(known) / 2, max(known) / 2 - min(known) / 2  # halves: no overflow
    width = min(cells, len(numbers))
    picked = [numbers[i * len(numbers) // width] for i in range(width)]
    return "".join(_block(value, low, span) for value in picked)


def _block(value: float, low: float, span: float) -> str:
    if not math.isfinite(value):
        return " "
    return BLOCKS[round((value / 2 - low) / span * (len(BLOCKS) - 1)) if span else 0]


def utc(seconds: float) -> str:
    """A time to the millisecond, `2024-01-31 12:00:00.000`, without what is 0."""
    moment = datetime.fromtimestamp(seconds, UTC)
    text = moment.isoformat(" ", "milliseconds").removesuffix("+00:00")
    return text.removesuffix(".000")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
