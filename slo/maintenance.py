"""Maintenance windows of the configuration: each that begins becomes a correction.

From then on it is one like any other, which can be revoked and which later changes of the
configuration or the calendar leave alone. Calendars are read in a thread of their own; while one
can't be read, what was read of it before holds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from collector.model.errors import InputError, TocsinError, UnavailableError
from collector.schedule import Occurrence, Schedule, between, zone_of
from slo.config_maintenance import MaintenanceConfig
from slo.corrections import BY_SCHEDULE, MAX_EXCLUDED_MS, Act, Corrections
from slo.icalendar import MAX_BYTES, schedules_of
from slo.window import DAY_MS

log = logging.getLogger(__name__)

READ_EVERY_MS = 5 * 60_000
"""How old a calendar may be."""
TIMEOUT_SECONDS = 10.0
LOOK_AHEAD_MS = 10 * 60_000
LOOK_BACK_MS = 7 * DAY_MS
"""Windows that began while tocsin was down, no longer than this."""
_NEVER_MS = -READ_EVERY_MS


class Maintenance:
    """The windows of a configuration; `due` may be called from another thread than `read`."""

    def __init__(self, configs: Sequence[MaintenanceConfig]) -> None:
        self._configs = tuple(configs)
        self._schedules: dict[str, tuple[Schedule, ...]] = {
            one.name: one.schedules() for one in self._configs
        }
        self._read_ms = _NEVER_MS
        self._upcoming: list[tuple[MaintenanceConfig, Occurrence]] = []
        self._until_ms = -1

    def read(self, now_ms: int, fetch: Callable[[MaintenanceConfig], str] | None = None) -> None:
        """Read the calendars, when the last time is five minutes ago.

        Raises the last of the TocsinErrors of those that can't be read, after all were tried.
        """
        if now_ms - self._read_ms < READ_EVERY_MS:
            return
        self._read_ms = now_ms
        failure = None
        for one in self._configs:
            if one.is_calendar:
                try:
                    text = (fetch or calendar_text)(one)
                    self._schedules[one.name] = tuple(schedules_of(text, zone_of(one.timezone)))
                    self._until_ms = -1
                except TocsinError as error:
                    log.error("the calendar of maintenance %s: %s", one.name, error)
                    failure = error
        if failure is not None:
            raise failure

    def record(self, corrections: Corrections, since_ms: int, now_ms: int) -> None:
        """Make corrections of the windows that began, and had not ended at `since_ms`.

        Raises StorageError, and InputError for what no correction can be.
        """
        since_ms = max(since_ms, now_ms - LOOK_BACK_MS)
        if now_ms > self._until_ms:
            self._upcoming = self._occurrences(since_ms, now_ms + LOOK_AHEAD_MS)
            self._until_ms = now_ms + LOOK_AHEAD_MS
        begun = [found for found in self._upcoming if found[1].start_ms <= now_ms]
        for config, one in begun:
            id_ = f"{config.name}@{one.start_ms}-{one.end_ms}"
            if id_ not in corrections:
                act = Act(BY_SCHEDULE, config.reason or f"maintenance {config.name}", now_ms)
                corrections.add(config.selector(), one.start_ms, one.end_ms, act, id_)
        self._upcoming = [found for found in self._upcoming if found[1].start_ms > now_ms]

    def _occurrences(
        self, after_ms: int, until_ms: int
    ) -> list[tuple[MaintenanceConfig, Occurrence]]:
        return [
            (config, one)
            for config in self._configs
            for one in between(self._schedules[config.name], after_ms, until_ms)
            if one.end_ms - one.start_ms <= MAX_EXCLUDED_MS
        ]


def calendar_text(config: MaintenanceConfig) -> str:
    """The text of a calendar's file or URL. Raises UnavailableError, InputError."""
    if config.ical_file:
        try:
            return Path(config.ical_file).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise UnavailableError(f"{config.ical_file} can't be read: {error.strerror}") from error
    assert config.ical_url is not None  # noqa: S101 # the configuration has one of both
    try:
        with httpx.stream(
            "GET", config.ical_url.reveal(), timeout=TIMEOUT_SECONDS, follow_redirects=True
        ) as answer:
            answer.raise_for_status()
            return _limited(answer).decode("utf-8", errors="replace")
    except httpx.HTTPStatusError as error:
        raise UnavailableError(f"its URL answered {error.response.status_code}") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnavailableError(f"its URL gave no answer: {type(error).__name__}") from None


def _limited(answer: httpx.Response) -> bytes:
    body = b""
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > MAX_BYTES:
            raise InputError(f"a calendar of more than {MAX_BYTES:,} bytes")
    return body
