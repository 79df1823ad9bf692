"""Reminders: a long silence that hides something is told of until it ends or hides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from alerts.service import AlertService
from alerts.silence import Silence
from alerts.silence_book import SilenceRules
from alerts.silence_config import RecurringConfig
from alerts.silence_recurring import RecurringSilences
from alerts.silence_reminders import SilenceReminders
from collector.model import Alert, Labels, ManualClock
from collector.model.matchers import Matcher

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DOWN = Labels({"alertname": "Down", "host": "a"})


class Sink:
    """Hands on to the service, and remembers."""

    def __init__(self, service: AlertService) -> None:
        self.service = service
        self.taken: list[Alert] = []

    def emit(self, alerts: Sequence[Alert]) -> None:
        self.taken += alerts
        self.service.emit(alerts)


class Scene:
    def __init__(self, service: AlertService, clock: ManualClock) -> None:
        self.service, self.clock, self.sink = service, clock, Sink(service)
        self.reminders = SilenceReminders(service.silences, service.alerts, self.sink, DAY_MS)

    def silence(self, name: str = "alertname", value: str = "Down") -> str:
        now_ms = self.clock.now_ms()
        matchers = (Matcher("=~", name, value),)
        one = Silence("", matchers, now_ms, now_ms + 7 * DAY_MS, "ana", "host is replaced")
        return self.service.silences.save(one)

    def fire(self) -> None:
        self.service.emit([Alert(DOWN, {}, self.clock.now_ms())])

    def tick(self, acts: bool = True) -> list[Alert]:
        self.sink.taken = []
        self.reminders.tick(self.clock.now_ms(), acts)
        return self.sink.taken


@pytest.fixture
def scene(make_service: Any, clock: ManualClock) -> Scene:
    clock.advance(DAY_MS)
    return Scene(make_service({}), clock)


def test_it_is_told_of_after_the_interval_and_until_it_ends(scene: Scene) -> None:
    id_ = scene.silence()
    scene.clock.advance(DAY_MS - 1)
    scene.fire()
    assert scene.tick() == []
    scene.clock.advance(1)
    (told,) = scene.tick()
    assert dict(told.labels.pairs) == {
        "alertname": "SilenceStillHides",
        "severity": "info",
        "silence": id_,
        "created_by": "ana",
    }
    assert told.annotations["summary"] == ('a silence of {alertname=~"Down"} hides 1 firing alert')
    assert "host is replaced" in told.annotations["description"]
    assert (told.starts_at_ms, told.ends_at_ms) == (scene.clock.now_ms(), None)
    scene.clock.advance(15_000)
    (again,) = scene.tick()
    assert again == told
    scene.service.silences.expire(id_, "ana")
    (over,) = scene.tick()
    assert (over.fingerprint, over.ends_at_ms) == (told.fingerprint, scene.clock.now_ms())
    assert scene.tick() == []


def test_it_is_over_when_nothing_is_hidden_any_more_and_comes_back(scene: Scene) -> None:
    scene.silence()
    scene.clock.advance(DAY_MS)
    scene.fire()
    assert len(scene.tick()) == 1
    scene.service.emit([Alert(DOWN, {}, 0, scene.clock.now_ms())])
    (over,) = scene.tick()
    assert over.ends_at_ms == scene.clock.now_ms()
    scene.fire()
    assert [one.ends_at_ms for one in scene.tick()] == [None]


def test_a_reminder_that_is_hidden_itself_keeps_nothing_alive(scene: Scene) -> None:
    scene.silence(value=".+")
    scene.clock.advance(DAY_MS)
    scene.fire()
    assert len(scene.tick()) == 1
    scene.service.emit([Alert(DOWN, {}, 0, scene.clock.now_ms())])
    assert [one.ends_at_ms is None for one in scene.tick()] == [False]
    assert scene.tick() == []


def test_0_is_never_and_an_instance_that_does_not_act_says_nothing(scene: Scene) -> None:
    scene.silence()
    scene.clock.advance(DAY_MS)
    scene.fire()
    assert scene.tick(acts=False) == []
    scene.reminders.after_ms = 0
    assert scene.tick() == []


def test_an_occurrence_of_a_recurring_silence_is_as_long_as_it_was_meant(scene: Scene) -> None:
    entry = {
        "name": "freeze",
        "matchers": ["alertname=Down"],
        "rrule": "FREQ=WEEKLY",
        "start": "1970-01-01T00:00",
        "duration": "7d",
    }
    rules = SilenceRules(RecurringSilences([RecurringConfig.model_validate(entry)]))
    scene.service.silences.apply(rules)
    scene.clock.advance(2 * DAY_MS)
    scene.fire()
    assert scene.service.alerts()[0].silenced_by
    assert scene.tick() == []
