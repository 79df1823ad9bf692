"""Answers of queries as rows and pictures: so many are shown, and how many more there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collector.model.labels import Labels, quote
from collector.model.samples import Bools, Float64s, is_sample
from collector.query.explanation import PlanStep
from collector.query.float_text import histogram_text, json_number
from collector.query.values import Answer, Matrix, RawSeries, Scalar, Statistics, Text, Vector
from dashboards.render.charts import SERIES_CLASSES, Line, Mark, line_chart
from dashboards.render.svg import to_svg
from dashboards.units import format_value
from tocsin.web import texts

ROWS_SHOWN = 500
"""Rows of a table: what a person scrolls through; the API gives them all."""
SAMPLES_SHOWN = 50
"""Samples of one series of a range selector; the newest are shown."""
SERIES_DRAWN = 12
"""Lines of a graph, those with the highest peaks: more can't be told apart."""
PLAN_STEPS_SHOWN = 200
NAME_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Row:
    """One series of a table with its value, or the values of a range selector."""

    labels: str
    values: Sequence[str]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """The rows that are shown, of how many."""

    rows: Sequence[Row]
    total: int

    @property
    def more(self) -> int:
        """Rows that are not shown."""
        return self.total - len(self.rows)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One line of a graph: `css` colours its key."""

    css: str
    labels: str
    last: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Graph:
    """A picture (SVG) with its lines; `histograms` series have no line: theirs are no floats."""

    picture: str
    lines: Sequence[Drawn]
    total: int
    histograms: int

    @property
    def more(self) -> int:
        """Series with values that are not drawn."""
        return self.total - len(self.lines) - self.histograms


@dataclass(frozen=True, slots=True)
class PlanRow:
    """One operator of a query's plan; `depth` levels inside."""

    indent: str
    operator: str
    time: str
    own_time: str
    samples: str
    series: str
    runs: int


def table(answer: Answer) -> Table:
    """An instant query's value as a table."""
    match answer.value:
        case Vector() as vector:
            rows = [_vector_row(vector, at) for at in range(min(len(vector.labels), ROWS_SHOWN))]
            return Table(rows, len(vector.labels))
        case RawSeries() as raw:
            rows = [_raw_row(raw, at) for at in range(min(len(raw.labels), ROWS_SHOWN))]
            return Table(rows, len(raw.labels))
        case Scalar(value=value):
            return Table([Row("scalar", [json_number(value)])], 1)
        case Text(value=text):
            return Table([Row("string", [text])], 1)
        case Matrix():
            raise TypeError("a range query's value is a graph")


def _vector_row(vector: Vector, at: int) -> Row:
    histogram = None if vector.histograms is None else vector.histograms[at]
    value = (
        json_number(float(vector.values[at])) if histogram is None else histogram_text(histogram)
    )
    return Row(str(vector.labels[at]), [value])


def _raw_row(raw: RawSeries, at: int) -> Row:
    times, values = raw.samples[at]
    samples = [
        (int(ms), json_number(float(v))) for ms, v in zip(times, values, strict=True)
    ]  # fmt: skip
    if raw.histograms is not None:
        samples += [(ms, histogram_text(one)) for ms, one in raw.histograms[at]]
    samples.sort()
    shown = [f"{value} @ {ms / 1000:.3f}" for ms, value in samples[-SAMPLES_SHOWN:]]
    return Row(str(raw.labels[at]), shown, len(samples) - len(shown))


def graph(answer: Answer, title: str, marks: Sequence[Mark] = ()) -> Graph:
    """A range query's value as lines, those with the highest peaks first, and `marks` in time."""
    matrix = answer.value
    if not isinstance(matrix, Matrix):
        raise TypeError("only a range query's value is a graph")
    values = np.where(is_sample(matrix.values), matrix.values, np.nan)
    drawable: Bools = np.asarray(np.isfinite(values).any(axis=1))
    peaks = np.where(np.isfinite(values), values, -np.inf).max(axis=1, initial=-np.inf)
    chosen = np.argsort(-peaks, kind="stable")
    chosen = chosen[drawable[chosen]][:SERIES_DRAWN]
    labels = [matrix.labels[at] for at in chosen.tolist()]
    lines = [
        Line(name, matrix.timestamps_ms, values[at])
        for name, at in zip(short_names(labels), chosen.tolist(), strict=True)
    ]
    histograms = 0 if matrix.histograms is None else int((~drawable).sum())
    picture = to_svg(line_chart(lines, title, height=300, width=960, marks=marks))
    drawn = [_drawn(number, str(own), line.values) for number, (own, line) in
             enumerate(zip(labels, lines, strict=True))]  # fmt: skip
    return Graph(picture, drawn, len(matrix.labels), histograms)


def _drawn(number: int, labels: str, values: Float64s) -> Drawn:
    known = values[np.isfinite(values)]
    return Drawn(
        css=f"key series-{number % SERIES_CLASSES + 1}",
        labels=labels,
        last=format_value(float(known[-1])),
        low=format_value(float(known.min())),
        high=format_value(float(known.max())),
    )


def short_names(labels: Sequence[Labels]) -> list[str]:
    """What tells each series from the others: the labels that not all have with the same value."""
    shared = set(labels[0].pairs).intersection(*(one.pairs for one in labels)) if labels else set()
    names = []
    for one in labels:
        own = [pair for pair in one.pairs if pair not in shared or len(labels) == 1]
        text = ", ".join(f"{name}={quote(value)}" for name, value in own if name != "__name__")
        text = text or str(one)
        names.append(text if len(text) <= NAME_CHARACTERS else text[: NAME_CHARACTERS - 1] + "…")
    return names


def plan_rows(plan: PlanStep) -> tuple[list[PlanRow], int]:
    """A plan as it is read, what is outermost first; and how many operators are not shown."""
    steps = list(plan.lines())
    rows = [
        PlanRow(
            indent="\u00a0\u00a0" * depth,
            operator=step.text,
            time=f"{step.seconds * 1000:.2f} ms",
            own_time=f"{step.own_seconds * 1000:.2f} ms",
            samples=texts.count(step.samples),
            series=texts.count(step.series),
            runs=step.runs,
        )
        for depth, step in steps[:PLAN_STEPS_SHOWN]
    ]
    return rows, len(steps) - len(rows)


def cost(statistics: Statistics, series: int) -> str:
    """`12 series, 3.4 ms, 4,120 samples read, at most 900 in memory`."""
    seconds = (
        statistics.queue_seconds
        + statistics.prepare_seconds
        + statistics.evaluate_seconds
        + statistics.sort_seconds
    )
    parts = [f"{texts.count(series)} series"]
    if seconds:
        parts.append(f"{seconds * 1000:,.1f} ms")
    if statistics.samples:
        parts.append(f"{texts.count(statistics.samples)} samples read")
        parts.append(f"at most {texts.count(statistics.peak_samples)} in memory")
    return ", ".join(parts)
