"""fmt's verbs; the expected texts were printed by Go (see tests/peers/test_promtool_templates)."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.gotemplate import StringMap, Typed
from collector.gotemplate.constants import number, unquote
from collector.gotemplate.floats import shortest
from collector.gotemplate.format import go_quote, sprint, sprintf
from collector.gotemplate.humanize import humanize, humanize1024, humanize_duration
from collector.model.errors import LimitError


@pytest.mark.parametrize(
    ("form", "values", "expected"),
    [
        ("%s|%5s|%-5s|%q|%x", ["ab"] * 5, 'ab|   ab|ab   |"ab"|6162'),
        ("%d|%5d|%-5d|%05d|%+d|%x|%o|%b|%c", [65] * 9, "65|   65|65   |00065|+65|41|101|1000001|A"),
        ("%.2f|%8.3f|%e", [1234.5678] * 3, "1234.57|1234.568|1.234568e+03"),
        ("%g|%G", [1e21] * 2, "1e+21|1E+21"),
        ("%v %v %v", [1e6, 123456.0, 1e-5], "1e+06 123456 1e-05"),
        ("%d %s", [1.5, 2], "%!d(float64=1.5) %!s(int=2)"),
        ("%d", [], "%!d(MISSING)"),
        ("%d", [1, 2], "1%!(EXTRA int=2)"),
        ("%[2]d %[1]d", [1, 2], "2 1"),
        ("%*d|%.*f", [5, 42, 2, math.pi], "   42|3.14"),
        ("%t %v %%", [True, None], "true <nil> %"),
        ("%v %v", [["a", 1], StringMap(b="2", a="1")], "[a 1] map[a:1 b:2]"),
        ("%v %+v", [Typed("T", fields={"A": 1})] * 2, "{1} {A:1}"),
        ("%!", [], "%!!(MISSING)"),
        ("100%", [], "100%!(NOVERB)"),
    ],
)  # fmt: skip
def test_printf_prints_what_go_prints(form: str, values: list[object], expected: str) -> None:
    assert sprintf(form, values) == expected


def test_print_puts_spaces_between_values_that_are_no_texts() -> None:
    assert sprint([1, 2, "a", 3, 4]) == "1 2a3 4"


@given(st.floats(allow_nan=False))
def test_the_shortest_text_reads_back_as_the_same_float(value: float) -> None:
    assert float(shortest(value).replace("Inf", "inf")) == value


@given(st.text(max_size=50))
def test_what_is_quoted_reads_back(text: str) -> None:
    assert unquote(go_quote(text)) == text
    assert unquote(go_quote(text, ascii_only=True)) == text


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_read_back_in_every_base(value: int) -> None:
    assert number(str(value)) == value
    for form in ("%#x", "%#o", "%O"):
        assert number(sprintf(form, [value])) == value


def test_a_value_that_holds_itself_ends() -> None:
    values: list[object] = []
    values.append(values)
    with pytest.raises(LimitError):
        sprint([values])
    wide: list[object] = ["x" * 1000] * 10
    for _ in range(10):
        wide = [wide] * 10
    with pytest.raises(LimitError):
        sprint([wide])


@pytest.mark.parametrize(
    ("value", "plain", "binary", "duration"),
    [
        (0.0, "0", "0", "0s"),
        (1234567.0, "1.235M", "1.177Mi", "14d 6h 56m 7s"),
        (0.0123, "12.3m", "0.0123", "12.3ms"),
        (-90.5, "-90.5", "-90.5", "-1m 30s"),
        (math.inf, "+Inf", "+Inf", "+Inf"),
        (math.nan, "NaN", "NaN", "NaN"),
        (59.999, "60", "60", "60s"),
    ],
)
def test_numbers_are_written_for_people(
    value: float, plain: str, binary: str, duration: str
) -> None:
    found = humanize(value), humanize1024(value), humanize_duration(value)
    assert found == (plain, binary, duration)
