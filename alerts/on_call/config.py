"""Pydantic models of `alerts.on_call`: people, schedules, escalations, teams, heartbeats.

Whether names refer to something is `roster`'s to find: it sees all of them, and the receivers.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from alerts.config_values import DurationMs, MatcherTexts, PositiveMs, SecretUrl, Section, Text
from alerts.on_call.severity import Severity
from alerts.on_call.wall_clock import zone_of
from collector.model.errors import InputError

MAX_LENGTH = timedelta(days=366)
MIN_HEARTBEAT_MS = 5_000
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ROTATION = re.compile(r"(\d{1,4})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_NAMED = {"daily": timedelta(days=1), "weekly": timedelta(weeks=1)}
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_NAME = re.compile(r"[\w.@+ -]{1,100}")


def _zone(name: str) -> str:
    try:
        zone_of(name)
    except InputError as error:
        raise ValueError(str(error)) from error
    return name


def _local_time(value: object) -> object:
    """Wall time without an offset; YAML may have read it already."""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError(f"not a local time: {value!r}; write 2026-01-05T09:00") from error
    if moment.tzinfo is not None or moment.second or moment.microsecond:
        raise ValueError("write whole minutes without an offset: the schedule has the time zone")
    return moment


def _rotation(text: str) -> str:
    length = rotation_length(text)
    if not timedelta(0) < length <= MAX_LENGTH:
        raise ValueError(f"not a rotation: {text!r}; write daily, weekly, or like 12h, 3d, 2w")
    return text


def _clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise ValueError(f"not a time of day: {text!r}; write it like 09:00, up to 24:00")
    return text


def _weekdays(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        weekday_numbers(text)
    return texts


def _name(text: str) -> str:
    if not _NAME.fullmatch(text) or text != text.strip():
        raise ValueError(f"not a name: {text!r}; write letters, digits, spaces and . _ @ + -")
    return text


def rotation_length(text: str) -> timedelta:
    """How long a turn is; zero for a text that says none."""
    match = _ROTATION.fullmatch(text)
    if match is not None:
        return int(match[1]) * _UNITS[match[2]]
    return _NAMED.get(text, timedelta(0))


def weekday_numbers(text: str) -> frozenset[int]:
    """`monday:friday` or `sunday` as numbers, Monday 0; raises ValueError."""
    first, _, last = text.lower().partition(":")
    if first not in WEEKDAYS or (last and last not in WEEKDAYS):
        raise ValueError(f"not a weekday or a range of them: {text!r}; write monday:friday")
    begin = WEEKDAYS.index(first)
    count = (WEEKDAYS.index(last) - begin) % 7 + 1 if last else 1
    return frozenset((begin + n) % 7 for n in range(count))


def minute_of(text: str) -> int:
    """`09:30` as minutes of the day."""
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


Name = Annotated[str, AfterValidator(_name)]
ZoneName = Annotated[str, AfterValidator(_zone)]
LocalTime = Annotated[datetime, BeforeValidator(_local_time)]
ClockText = Annotated[str, AfterValidator(_clock)]
Labels = dict[str, Text]


class PersonConfig(Section):
    """Someone who may be on call: what reaches them, and by what names other systems know them."""

    name: Name
    email: str = ""
    receivers: tuple[str, ...] = ()
    also_known_as: tuple[str, ...] = ()


class RestrictionConfig(Section):
    """Hours in which a layer holds; an end at or before the start is on the next day."""

    weekdays: Annotated[tuple[str, ...], AfterValidator(_weekdays)] = ("monday:sunday",)
    start_time: ClockText = "00:00"
    end_time: ClockText = "24:00"


class LayerConfig(Section):
    """People who take turns, in this order."""

    name: str = ""
    people: tuple[str, ...] = Field(min_length=1)
    rotation: Annotated[str, AfterValidator(_rotation)] = "weekly"
    start: LocalTime
    end: LocalTime | None = None
    restrictions: tuple[RestrictionConfig, ...] = ()

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise ValueError("the layer ends before it starts")
        return self


class ScheduleConfig(Section):
    """Layers in one time zone, a later one above those before it."""

    name: Name
    time_zone: ZoneName = "UTC"
    layers: tuple[LayerConfig, ...] = Field(min_length=1)


class StepConfig(Section):
    """Whom an escalation asks, `after` how long."""

    after: DurationMs = 0
    receivers: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _asks_someone(self) -> Self:
        if not (self.receivers or self.people or self.schedules):
            raise ValueError("the step asks nobody: name receivers, people or schedules")
        return self


class EscalationConfig(Section):
    """Steps that follow one another until somebody acknowledges."""

    name: Name
    matchers: MatcherTexts = ()
    severities: tuple[Severity, ...] = ("critical",)
    steps: tuple[StepConfig, ...] = Field(min_length=1)
    repeat: int = Field(default=0, ge=0, le=100)
    repeat_after: PositiveMs = 15 * 60_000
    acknowledge_timeout: DurationMs = 0


class TeamConfig(Section):
    """Whose incidents are: by `matchers`, or by the label `team` with its name."""

    name: Name
    matchers: MatcherTexts = ()
    people: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()
    escalation: str = ""


class HeartbeatConfig(Section):
    """A sign of life that something else gives; an alert fires when it stays away."""

    name: Name
    interval: Annotated[PositiveMs, Field(ge=MIN_HEARTBEAT_MS)]
    grace: DurationMs = 60_000
    labels: Labels = Field(default_factory=dict)
    annotations: Labels = Field(default_factory=dict)


class WatchdogConfig(Section):
    """Tells another system, each interval, that alerting works here."""

    url: SecretUrl
    method: Literal["GET", "POST"] = "GET"
    interval: Annotated[PositiveMs, Field(ge=MIN_HEARTBEAT_MS)] = 60_000
    timeout: PositiveMs = 10_000


class OnCallConfig(Section):
    """Everything about people."""

    people: tuple[PersonConfig, ...] = ()
    schedules: tuple[ScheduleConfig, ...] = ()
    escalations: tuple[EscalationConfig, ...] = ()
    teams: tuple[TeamConfig, ...] = ()
    escalation: str = ""
    heartbeats: tuple[HeartbeatConfig, ...] = ()
    watchdog: WatchdogConfig | None = None
    reopen_within: DurationMs = 10 * 60_000
