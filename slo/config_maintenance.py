"""Pydantic model of an entry of `slos.maintenance`."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from collector.config_values import DurationMs, SecretText, Section
from collector.model.errors import TocsinError
from collector.schedule import Schedule, zone_of
from slo.corrections import MAX_EXCLUDED_MS, MAX_TEXT, Selector


class MaintenanceConfig(Section):
    """One entry of `slos.maintenance`: when it is, and which objectives it leaves out.

    When: `start` with `end` or `duration`, repeated by `rrule`; or a calendar. Which: `slo`,
    `service` and `labels`, all of which must fit.
    """

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^@\s]+$")
    slo: str = ""
    service: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    reason: str = Field(default="", max_length=MAX_TEXT)
    timezone: str = "UTC"
    start: datetime | None = None
    end: datetime | None = None
    duration: DurationMs | None = Field(default=None, ge=1000, le=MAX_EXCLUDED_MS)
    rrule: str = ""
    ical_file: str = ""
    ical_url: SecretText | None = None

    @field_validator("ical_file")
    @classmethod
    def _is_absolute(cls, path: str) -> str:
        if path and not Path(path).is_absolute():
            raise ValueError("write an absolute path")
        return path

    @model_validator(mode="after")
    def _says_when_and_which(self) -> MaintenanceConfig:
        ways = [self.start is not None, bool(self.ical_file), self.ical_url is not None]
        if sum(ways) != 1:
            raise ValueError("write one of start, ical_file and ical_url")
        if self.start is None and (self.end or self.duration or self.rrule):
            raise ValueError("end, duration and rrule go with start")
        if self.start is not None and (self.end is None) == (self.duration is None):
            raise ValueError("with start goes one of end and duration")
        try:
            self.selector()
            zone_of(self.timezone)
            self.schedules()
        except TocsinError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def is_calendar(self) -> bool:
        """Whether a file or URL says when it is."""
        return self.start is None

    def selector(self) -> Selector:
        """Which objectives it leaves out."""
        return Selector(self.slo, self.service, self.labels)

    def schedules(self) -> tuple[Schedule, ...]:
        """When it is; nothing yet for a calendar."""
        if self.start is None:
            return ()
        start = self._in_zone(self.start)
        if self.end is not None:
            elapsed = self._in_zone(self.end).timestamp() - start.timestamp()
            return (Schedule(start, timedelta(seconds=elapsed), self.rrule),)
        return (Schedule(start, timedelta(milliseconds=self.duration or 0), self.rrule),)

    def _in_zone(self, moment: datetime) -> datetime:
        """A time without an offset is on the zone's wall clock."""
        zone = zone_of(self.timezone)
        return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
