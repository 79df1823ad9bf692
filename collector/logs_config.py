"""Pydantic models of the section `logs`."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from collector.config_values import DurationMs, SecretText, Section, SizeBytes, at_most_one
from collector.store.documents.interface import DAY_MS, Retention
from collector.store.documents.local import DEFAULT_MAX_BYTES


class RetentionConfig(Section):
    """How long logs are kept: error and fatal; info, warn and unknown; debug and trace."""

    debug: DurationMs = Field(default=7 * DAY_MS, ge=DAY_MS)
    info: DurationMs = Field(default=30 * DAY_MS, ge=DAY_MS)
    error: DurationMs = Field(default=90 * DAY_MS, ge=DAY_MS)

    def retention(self) -> Retention:
        """The times as the store takes them."""
        return Retention(self.debug, self.info, self.error)


class ElasticsearchConfig(Section):
    """The cluster that logs go to instead of local files."""

    url: str = Field(pattern=r"^https?://")
    username: str = ""
    password: SecretText | None = None
    password_file: str = ""
    api_key: SecretText | None = None
    api_key_file: str = ""
    verify: bool = True
    ca_file: str = ""

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        at_most_one(password=self.password, password_file=self.password_file)
        at_most_one(api_key=self.api_key, api_key_file=self.api_key_file)
        at_most_one(username=self.username, api_key=self.api_key or self.api_key_file)
        if self.username and not (self.password or self.password_file):
            raise ValueError("username needs password or password_file")
        return self


class LogsConfig(Section):
    """Section `logs`: where logs are kept, how long, and how much."""

    elasticsearch: ElasticsearchConfig | None = None
    retention: RetentionConfig = Field(default_factory=RetentionConfig)
    max_size: SizeBytes = Field(default=DEFAULT_MAX_BYTES, gt=0)
