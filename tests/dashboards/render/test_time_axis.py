from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.render.scene import Text
from dashboards.render.time_axis import DAY_MS, MAX_MARKS, mark_text, time_axis

NOON_MS = 1_795_262_400_000  # 2026-11-21 12:00:00 UTC


@given(st.integers(0, 4 * 10**12), st.integers(1_000, 10**12))
def test_marks_are_few_lie_inside_and_do_not_meet(start_ms: int, span_ms: int) -> None:
    shapes = list(time_axis(50, 650, 200, start_ms, start_ms + span_ms))
    marks = [shape.x for shape in shapes if isinstance(shape, Text)][1:]
    assert len(marks) <= MAX_MARKS + 1
    assert all(49.9 <= x <= 650.1 for x in marks)
    assert all(b - a > 60 for a, b in pairwise(marks))


def test_an_axis_without_length_has_no_marks_to_divide_by() -> None:
    assert len(list(time_axis(0, 100, 0, 1, 1))) == 1


@pytest.mark.parametrize(
    ("at_ms", "step_ms", "text"),
    [
        (NOON_MS, 3_600_000, "12:00"),
        (NOON_MS, 30_000, "12:00:00"),
        (NOON_MS + DAY_MS // 2, 6 * 3_600_000, "Nov 22"),
        (NOON_MS + DAY_MS // 2, DAY_MS, "Nov 22"),
    ],
)
def test_marks_say_the_time_or_the_day(at_ms: int, step_ms: int, text: str) -> None:
    assert mark_text(at_ms, step_ms) == text
