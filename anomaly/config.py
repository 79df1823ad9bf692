"""Pydantic models of the section `anomaly`."""

from __future__ import annotations

from pydantic import Field, field_validator

from anomaly.track import Watch
from collector.config_values import DurationMs, Section

DEFAULT_MAX_SERIES = 1000
"""A model holds 19 kB and is fitted in 15 ms: a thousand stay out of everyone's way."""


class WatchConfig(Section):
    """One entry of `anomaly.watches`."""

    name: str = Field(min_length=1, max_length=200)
    query: str = Field(min_length=1)
    alert: bool = False
    expected_false_alarms_per_week: float = Field(default=1.0, gt=0, le=10_000)

    def watch(self) -> Watch:
        """The watch as it is run."""
        return Watch(self.name, self.query, self.alert, self.expected_false_alarms_per_week)


class AnomalyConfig(Section):
    """Section `anomaly`: what is watched, how often, and how much history teaches."""

    enabled: bool = True
    interval: DurationMs = Field(default=5_000, ge=1_000)
    history: DurationMs = Field(default=12 * 3600 * 1000, ge=60_000)
    max_series: int = Field(default=DEFAULT_MAX_SERIES, ge=1, le=100_000)
    watches: list[WatchConfig] = Field(default_factory=list)

    @field_validator("watches")
    @classmethod
    def _names_differ(cls, watches: list[WatchConfig]) -> list[WatchConfig]:
        seen: set[str] = set()
        for watch in watches:
            if watch.name in seen:
                raise ValueError(f"two watches are named {watch.name!r}")
            seen.add(watch.name)
        return watches
