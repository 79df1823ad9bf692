import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model.durations import MAX_MS, format_duration, parse_duration_ms
from collector.model.errors import InputError


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("0", 0),
        ("15s", 15_000),
        ("1h30m", 5_400_000),
        ("5m", 300_000),
        ("10ms", 10),
        ("1m10ms", 60_010),
        ("1y2w3d4h5m6s7ms", 33_019_506_007),
    ],
)
def test_prometheus_durations_are_read(text: str, milliseconds: int) -> None:
    assert parse_duration_ms(text) == milliseconds


@pytest.mark.parametrize("text", ["", "5", "m", "1m1h", "1.5h", "-5m", "5 m", "1h1h"])
def test_anything_else_is_refused_with_advice(text: str) -> None:
    with pytest.raises(InputError, match="largest first"):
        parse_duration_ms(text)


@pytest.mark.parametrize("text", ["293y", "9" * 30 + "y", "9" * 19 + "ms"])
def test_longer_than_prometheus_can_hold_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="out of range"):
        parse_duration_ms(text)


def test_a_number_too_long_to_read_is_refused_not_shown_in_full() -> None:
    with pytest.raises(InputError, match="not a valid duration") as caught:
        parse_duration_ms("9" * 5000 + "s")
    assert len(str(caught.value)) < 500


@given(st.integers(min_value=0, max_value=MAX_MS))
def test_what_is_written_is_read_back(milliseconds: int) -> None:
    assert parse_duration_ms(format_duration(milliseconds)) == milliseconds
