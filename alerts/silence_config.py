"""Pydantic models of `alerts.silences`: recurring ones, what people may silence, reminders."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from alerts.config_values import DurationMs, LabelName, MatcherTexts, PositiveMs, Regex, Section
from alerts.matchers import parse_all
from alerts.on_call.config import LocalTime, ZoneName
from alerts.silence import MAX_COMMENT_CHARACTERS, Silence, checked
from alerts.silence_policy import SilencePolicy
from collector.model.errors import TocsinError
from collector.model.matchers import Matcher
from collector.schedule import Schedule, zone_of

DAY_MS = 24 * 3_600_000
MAX_RECURRING_MS = 31 * DAY_MS
"""One occurrence; what is to be silent for longer wants no alert at all."""
MAX_RECURRING = 1_000
_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"[\w.-]{1,100}", re.ASCII)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"not a name: {text!r}; write letters, digits, _ . and -")
    return text


def _rule(text: str) -> str:
    try:
        Schedule(_ANY_TIME, timedelta(hours=1), text)
    except TocsinError as error:
        raise ValueError(str(error)) from error
    return text


class RecurringConfig(Section):
    """One entry of `recurring`: from `start`, again and again by `rrule`, each for `duration`."""

    name: Annotated[str, AfterValidator(_name)]
    matchers: MatcherTexts = Field(min_length=1)
    rrule: Annotated[str, Field(min_length=1), AfterValidator(_rule)]
    start: LocalTime
    duration: Annotated[PositiveMs, Field(le=MAX_RECURRING_MS)]
    time_zone: ZoneName = "UTC"
    created_by: str = "configuration"
    comment: str = Field(default="", max_length=MAX_COMMENT_CHARACTERS)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        try:
            self.schedule()
            checked(self.silence(self.name, 0, 1))
        except TocsinError as error:
            raise ValueError(str(error)) from error
        return self

    def schedule(self) -> Schedule:
        """When it is; raises ConfigError for a rule that can't be read."""
        start = self.start.replace(tzinfo=zone_of(self.time_zone))
        return Schedule(start, timedelta(milliseconds=self.duration), self.rrule)

    def silence(self, id_: str, starts_at_ms: int, ends_at_ms: int) -> Silence:
        """One occurrence."""
        return Silence(
            id_,
            parse_all(self.matchers),
            starts_at_ms,
            ends_at_ms,
            self.created_by,
            self.comment,
            updated_at_ms=starts_at_ms,
        )


class PolicyConfig(Section):
    """What a silence that people make must be; what is not given is not asked for."""

    max_duration: DurationMs = 0
    min_comment: int = Field(default=0, ge=0, le=MAX_COMMENT_CHARACTERS)
    max_alerts: int | None = Field(default=None, ge=0)
    forbidden_matchers: MatcherTexts = ()
    required_labels: tuple[LabelName, ...] = ()
    authors: Regex = ""

    def policy(self) -> SilencePolicy:
        """As it is asked."""
        return SilencePolicy(
            self.max_duration,
            self.min_comment,
            self.max_alerts,
            parse_all(self.forbidden_matchers),
            self.required_labels,
            Matcher("=~", "created_by", self.authors) if self.authors else None,
        )


class SilencesConfig(Section):
    """`remind_after`: a silence that hides alerts for so long is told of; 0 for never."""

    recurring: tuple[RecurringConfig, ...] = Field(default=(), max_length=MAX_RECURRING)
    policy: PolicyConfig = PolicyConfig()
    remind_after: DurationMs = DAY_MS

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        seen: set[str] = set()
        for one in self.recurring:
            if one.name in seen:
                raise ValueError(f"two recurring silences are named {one.name!r}")
            seen.add(one.name)
        return self
