"""What people write for a time, and how it is written back."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from collector.model.errors import ConfigError, InputError
from tocsin.commands.times import option_ms
from tocsin.moments import moment_ms, time_ms, time_text

AT_MS = 1_700_000_000_000
SAME = ("2023-11-14 22:13:20", "2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", "1700000000")


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own zone is not UTC."""
    with monkeypatch.context() as zone:
        zone.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_east")
@pytest.mark.parametrize("text", SAME)
def test_a_time_is_utc_unless_it_says_otherwise(text: str) -> None:
    assert time_ms(text, "at") == moment_ms(text, "at", 0) == AT_MS


def test_what_is_written_can_be_read_back() -> None:
    assert time_ms(time_text(AT_MS), "at") == AT_MS


def test_milliseconds_are_kept() -> None:
    assert time_ms("1700000000.25", "at") == time_ms("2023-11-14T22:13:20.250Z", "at")


@pytest.mark.parametrize(
    ("text", "ago_ms"), [("", 0), ("now", 0), (" 90s ", 90_000), ("1d", 86_400_000)]
)
def test_a_moment_may_be_how_long_ago(text: str, ago_ms: int) -> None:
    assert moment_ms(text, "--from", AT_MS) == AT_MS - ago_ms


@pytest.mark.parametrize("text", ["soon", "nan", "inf", "-1", "1e18", "2023-13-01", "-1h"])
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(InputError, match="at: not a time"):
        moment_ms(text, "at", AT_MS)


def test_a_wrong_option_is_wrong_usage() -> None:
    with pytest.raises(ConfigError, match=r"--from: not a time: 'noon' \(write 2026"):
        option_ms("noon", "--from", AT_MS)
