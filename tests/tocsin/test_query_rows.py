import csv
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model.labels import Labels
from tocsin.commands.query_range import span
from tocsin.commands.query_rows import (
    SeriesRows,
    csv_text,
    json_rows,
    series_rows,
    spark,
    summary_rows,
    value_rows,
)
from tocsin.commands.terminal_plot import plot

VECTOR = {
    "resultType": "vector",
    "result": [
        {"metric": {"__name__": "up", "job": "a"}, "value": [1.5, "1"]},
        {
            "metric": {"job": "h"},
            "histogram": [1.5, {"count": "3", "sum": "4.5", "buckets": []}],
        },
    ],
}
MATRIX = {
    "resultType": "matrix",
    "result": [{"metric": {"__name__": "x"}, "values": [[0, "1"], [60, "NaN"], [120, "+Inf"]]}],
}


def test_a_vector_has_a_row_for_each_series() -> None:
    assert value_rows(series_rows(VECTOR)) == [
        {"series": 'up{job="a"}', "value": "1"},
        {"series": '{job="h"}', "value": "histogram of 3, sum 4.5"},
    ]


def test_a_scalar_is_a_series_without_labels() -> None:
    [one] = series_rows({"resultType": "scalar", "result": [7, "2"]})
    assert (one.name, one.times, one.values) == ("{}", [7.0], ["2"])


def test_a_range_vector_shows_its_times() -> None:
    rows = value_rows(series_rows(MATRIX))
    assert rows[0] == {"series": "x{}", "time": "1970-01-01 00:00:00", "value": "1"}


def test_a_range_is_summed_up_by_its_finite_values() -> None:
    [row] = summary_rows(series_rows(MATRIX))
    assert (row["points"], row["min"], row["max"], row["last"]) == (3, "1", "1", "+Inf")


def test_json_keeps_labels_apart() -> None:
    [first, _] = json_rows(series_rows(VECTOR), is_range=False)
    assert first == {
        "series": 'up{job="a"}',
        "labels": {"__name__": "up", "job": "a"},
        "time": 1.5,
        "value": "1",
    }
    [whole] = json_rows(series_rows(MATRIX), is_range=True)
    assert whole["values"] == [[0.0, "1"], [60.0, "NaN"], [120.0, "+Inf"]]


names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)


@given(st.lists(st.dictionaries(names, names, max_size=3), max_size=5))
def test_csv_is_read_back_whatever_the_labels_hold(sets: list[dict[str, str]]) -> None:
    series = [SeriesRows(Labels(one), [1.25], ["7"]) for one in sets]
    rows = list(csv.reader(io.StringIO(csv_text(series))))
    columns = rows[0][2:]
    found = [
        {name: value for name, value in zip(columns, row[2:], strict=True) if value}
        for row in rows[1:]
    ]
    assert found == [dict(one.labels) for one in series]
    assert all(row[:2] == ["1.25", "7"] for row in rows[1:])


def test_a_course_shows_gaps_as_blanks() -> None:
    assert spark([0, 7, math.nan, 3.5]) == "▁█ ▅"
    assert spark([math.nan]) == ""
    assert spark([2, 2]) == "▁▁"


@given(
    st.lists(st.floats(), min_size=1, max_size=50),
    st.integers(20, 120),
    st.integers(4, 30),
)
def test_a_plot_stays_in_its_frame(values: list[float], width: int, height: int) -> None:
    one = SeriesRows(Labels.of("x"), list(range(len(values))), [repr(v) for v in values])
    lines = [line.plain for line in plot([one], width, height)]
    if lines == ["no data"]:
        assert not any(map(math.isfinite, values))
        return
    assert len(lines) == height + 3
    assert all(len(line) <= max(width, 45) for line in lines[:height])
    assert lines[-1] == "  ━━ x{}"


def test_a_rising_line_rises() -> None:
    one = SeriesRows(Labels.of("x"), list(range(100)), [str(v) for v in range(100)])
    rows = [line.plain.partition("┤")[2] for line in plot([one], 60, 8)[:8]]
    starts = [len(row) - len(row.lstrip()) for row in rows]
    assert starts == sorted(starts, reverse=True)


def test_series_that_have_no_colour_left_are_counted() -> None:
    many = [SeriesRows(Labels.of(f"x{i}"), [0.0], ["1"]) for i in range(9)]
    assert plot(many)[-1].plain == "  and 2 more: narrow the query to see them"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (("", "", "1h", ""), {"start": "6400.000", "end": "10000.000", "step": "15"}),
        (("100", "340", "1h", ""), {"start": "100", "end": "340", "step": "1"}),
        (("", "2000", "1d", "5m"), {"start": "-84400.000", "end": "2000", "step": "5m"}),
        (("nonsense", "", "1h", ""), {"start": "nonsense", "end": "10000.000", "step": "15"}),
        (
            ("1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z", "1h", ""),
            {"start": "1970-01-01T00:00:00Z", "end": "1970-01-01T01:00:00Z", "step": "15"},
        ),
    ],
)
def test_a_span_has_about_as_many_steps_as_a_terminal_shows(
    given: tuple[str, str, str, str], wanted: dict[str, str]
) -> None:
    assert span(*given, 10_000_000) == wanted
