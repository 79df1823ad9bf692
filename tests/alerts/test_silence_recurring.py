"""Recurring silences: on the wall clock over changes of clocks, by ids that stay."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from alerts.api_why import why_json
from alerts.service import AlertService
from alerts.silence_book import SilenceRules
from alerts.silence_config import RecurringConfig, SilencesConfig
from alerts.silence_recurring import RecurringSilences, is_recurring
from collector.model import Alert, Labels, ManualClock
from collector.model.errors import InputError

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE_MS = 60_000
ENTRY: dict[str, Any] = {
    "name": "nightly",
    "matchers": ['service="batch"'],
    "rrule": "FREQ=DAILY",
    "start": "2026-01-05T02:00",
    "duration": "1h",
    "time_zone": "Europe/Berlin",
    "created_by": "ana",
    "comment": "the nightly batch is slow",
}


def recurring(**change: Any) -> RecurringSilences:
    return RecurringSilences([RecurringConfig.model_validate({**ENTRY, **change})])


def at(*parts: int, fold: int = 0) -> int:
    return int(datetime(*parts, tzinfo=BERLIN, fold=fold).timestamp() * 1000)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("start", "day", "first_ms"),
    [
        ("2026-01-05T04:00", (2026, 3, 28), at(2026, 3, 28, 4)),
        ("2026-01-05T04:00", (2026, 3, 29), at(2026, 3, 29, 4)),
        ("2026-01-05T04:00", (2026, 10, 25), at(2026, 10, 25, 4)),
        # 02:30 is skipped, so it is the same stretch after the hour
        ("2026-01-05T02:30", (2026, 3, 29), at(2026, 3, 29, 3, 30)),
        # 02:30 comes twice: the first one counts, and only that
        ("2026-01-05T02:30", (2026, 10, 25), at(2026, 10, 25, 2, 30)),
    ],
)
def test_an_occurrence_is_exact_to_the_minute_over_changes_of_clocks(
    start: str, day: tuple[int, int, int], first_ms: int
) -> None:
    silences = recurring(start=start)
    midnight_ms = at(*day)
    held = [
        minute for minute in range(23 * 60) if silences.active(midnight_ms + minute * MINUTE_MS)
    ]
    begin = (first_ms - midnight_ms) // MINUTE_MS
    assert held == list(range(begin, begin + 60))


def test_an_id_names_the_occurrence_and_is_the_same_in_every_process() -> None:
    noon_ms = at(2026, 7, 1, 2, 30)
    (one,) = recurring().active(noon_ms)
    assert one.id == "recurring/nightly/20260701T000000Z"
    assert one == recurring().active(noon_ms + MINUTE_MS)[0]
    assert (one.created_by, one.comment) == ("ana", "the nightly batch is slow")
    assert is_recurring(one.id)


def test_time_that_goes_back_is_no_reason_to_forget() -> None:
    silences = recurring()
    assert silences.active(at(2026, 7, 2, 2, 30))
    assert silences.active(at(2026, 7, 1, 2, 30))
    assert not silences.active(at(2026, 7, 1, 1, 59))


def test_occurrences_that_overlap_all_hold() -> None:
    ids = [one.id for one in recurring(duration="30h").active(at(2026, 7, 2, 3))]
    assert ids == ["recurring/nightly/20260701T000000Z", "recurring/nightly/20260702T000000Z"]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"rrule": "every night"}, "no recurrence rule"),
        ({"rrule": "FREQ=MINUTELY"}, "more often than hourly"),
        ({"rrule": ""}, "at least 1 character"),
        ({"duration": "0s"}, "cannot be zero"),
        ({"duration": "32d"}, "less than or equal"),
        ({"start": "2026-01-05T02:00Z"}, "without an offset"),
        ({"time_zone": "Mars/Olympus"}, "no time zone|not a time zone|zone"),
        ({"name": "a/b"}, "not a name"),
        ({"matchers": []}, "at least 1 item"),
        ({"matchers": ['a=~".*"']}, "must not match the empty string"),
    ],
)
def test_an_entry_that_makes_no_sense_is_refused(change: dict[str, Any], part: str) -> None:
    with pytest.raises(ValidationError, match=part):
        RecurringConfig.model_validate({**ENTRY, **change})


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="two recurring silences are named 'nightly'"):
        SilencesConfig.model_validate({"recurring": [ENTRY, ENTRY]})


@pytest.fixture
def service(make_service: Any, clock: ManualClock) -> AlertService:
    clock.advance(at(2026, 7, 1, 2) - clock.now_ms())
    made: AlertService = make_service({})
    made.silences.apply(SilenceRules(recurring()))
    return made


def test_it_hides_alerts_while_it_holds_and_is_told_of_by_why(
    service: AlertService, clock: ManualClock
) -> None:
    labels = Labels({"alertname": "Slow", "service": "batch"})
    service.emit([Alert(labels, {}, clock.now_ms())])
    assert service.alerts()[0].silenced_by == ("recurring/nightly/20260701T000000Z",)
    (silence,) = why_json(service.why(labels))["silenced_by"]
    assert silence["created_by"] == "ana"
    assert service.silences.states(clock.now_ms()) == {"active": 1}
    clock.advance(60 * MINUTE_MS)
    service.emit([Alert(labels, {}, clock.now_ms())])
    assert service.alerts()[0].state == "active"
    assert service.silences.all() == []


def test_nobody_ends_or_changes_it(service: AlertService) -> None:
    (one,) = service.silences.all()
    assert service.silences.get(one.id) == one
    assert service.silences.get("recurring/nightly/19990101T000000Z") is None
    with pytest.raises(InputError, match=r"change alerts\.silences\.recurring"):
        service.silences.expire(one.id, "ana")
    with pytest.raises(InputError, match=r"change alerts\.silences\.recurring"):
        service.silences.save(one)
    assert service.silences.all() == [one]
