import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.render.charts import Line, Mark, Threshold, budget_bar, line_chart, sparkline
from dashboards.render.svg import to_svg
from dashboards.units import format_value

VALUES = st.lists(
    st.one_of(st.just(float("nan")), st.floats(-1e12, 1e12, allow_nan=False)), max_size=30
)


@given(VALUES, st.lists(st.floats(-10, 1e6, allow_nan=False), max_size=3))
def test_any_data_gives_a_picture_with_finite_coordinates(
    values: list[float], thresholds: list[float]
) -> None:
    times = np.arange(len(values), dtype=np.int64) * 15_000
    line = Line("x", times, np.array(values))
    for scene in (
        line_chart([line], "t", "s", [Threshold(v, "t") for v in thresholds]),
        sparkline(np.array(values), "t"),
    ):
        svg = to_svg(scene)
        assert ET.fromstring(svg).tag == "svg"
        assert "nan" not in svg
        assert "inf" not in svg


def test_a_gap_breaks_the_line() -> None:
    values = np.array([1, 2, np.nan, 3, 4])
    svg = to_svg(line_chart([Line("x", np.arange(5) * 1000, values)], "t"))
    assert svg.count('class="line series-1"') == 2


def test_texts_are_escaped_and_styles_are_classes() -> None:
    line = Line("<script>", np.array([0, 1000]), np.array([1.0, 2.0]))
    svg = to_svg(line_chart([line], 'a"<b>'))
    assert "<script>" not in svg
    assert "style=" not in svg


@pytest.mark.parametrize(("left", "tone"), [(1, "good"), (0.2, "warn"), (0, "bad"), (-3, "bad")])
def test_the_bar_is_coloured_by_what_is_left(left: float, tone: str) -> None:
    assert f"bar-{tone}" in to_svg(budget_bar(left))


def test_axis_labels_are_round() -> None:
    line = Line("x", np.arange(10) * 60_000, np.linspace(0, 0.93, 10))
    labels = re.findall(
        r'text-anchor="end" class="chart-text">([^<]*)<', to_svg(line_chart([line], "t"))
    )
    assert labels == ["0", "0.25", "0.5", "0.75", "1", "UTC"]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.9995, "percentunit", "99.95 %"),
        (0.0042, "s", "4.2 ms"),
        (7200, "s", "2 h"),
        (13_000_000, "bytes", "12.4 MiB"),
        (1234, "short", "1.23k"),
        (14.4, "x", "14.4x"),
        (float("nan"), "s", "–"),
    ],
)
def test_values_are_written_with_their_unit(value: float, unit: str, text: str) -> None:
    assert format_value(value, unit) == text


def test_series_past_the_legends_place_are_counted() -> None:
    lines = [
        Line(f"a rather long name {i}", np.array([0, 1000]), np.array([1.0, i])) for i in range(9)
    ]
    svg = to_svg(line_chart(lines, "t"))
    named = svg.count('class="key ')
    assert 0 < named < 9
    assert f"and {9 - named} more" in svg
    assert "more" not in to_svg(line_chart(lines[:1], "t"))


def test_marks_are_vertical_lines_at_their_times_and_say_what_they_are() -> None:
    times = np.arange(0, 1001, 100, dtype=np.int64)
    line = Line("a", times, np.ones(len(times)))
    marks = [Mark(0, "first"), Mark(500, "shop <1.4.2>"), Mark(1001, "outside")]
    svg = to_svg(line_chart([line], "chart", marks=marks))
    assert svg.count('class="mark"') == 2
    assert "<title>shop &lt;1.4.2&gt;</title>" in svg
    assert "outside" not in svg
    middle = (58.0 + 640 - 14.0) / 2
    assert f"M{middle:.0f},10 {middle:.0f}," in svg
