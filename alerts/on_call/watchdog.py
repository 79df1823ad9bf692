"""The dead-man's switch: a sign of life to another system, as long as alerting works here.

It works when rounds are made, the database takes and gives back what is written, and at least one
integration gets its messages through. When it does not, nothing is sent: the other system raises
the alarm that this one can't.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from alerts.channel_health import ChannelHealth
from alerts.channels.http import HttpSender
from alerts.database import Database, upsert
from alerts.on_call import tables
from alerts.on_call.config import WatchdogConfig
from collector.model.clock import Clock
from collector.model.errors import StorageError, TocsinError

log = logging.getLogger(__name__)

Check = Callable[[], str]
"""Why alerting does not work, or ""."""
MAX_ROUND_AGE_MS = 150_000
"""Rounds are made every second while alerts fire, and every minute otherwise."""
KEY_NAME = "watchdog"


@dataclass(frozen=True, slots=True)
class Beat:
    """What became of the last sign of life; `problem` is "" for one that was taken."""

    at_ms: int
    problem: str


class Watchdog:
    """Sends when it is told to by its ticker; `checks` say whether alerting works."""

    def __init__(
        self, config: Callable[[], WatchdogConfig | None], checks: Sequence[Check], clock: Clock
    ) -> None:
        self._config = config
        self._checks = checks
        self._clock = clock
        self._next_ms = 0
        self.last_success_ms = 0
        self.last: Beat | None = None

    def tick(self, now_ms: int) -> None:
        """Send one if it is time."""
        config = self._config()
        if config is None or now_ms < self._next_ms:
            return
        self._next_ms = now_ms + config.interval
        problem = next(filter(None, (check() for check in self._checks)), "")
        if problem:
            log.error("no sign of life is sent: %s", problem)
        else:
            problem = self._send(config)
        self.last = Beat(now_ms, problem)
        if not problem:
            self.last_success_ms = now_ms

    def _send(self, config: WatchdogConfig) -> str:
        sender = HttpSender(None, config.timeout, self._clock)
        try:
            answer = sender.send(config.method, config.url)
        except TocsinError as error:
            log.warning("the watchdog's sign of life: %s", error)
            return str(error)
        finally:
            sender.close()
        if answer.status >= 400:
            log.warning("the watchdog's sign of life was answered %d", answer.status)
            return f"it was answered {answer.status}"
        return ""


def rounds_are_made(last_round_ms: Callable[[], int], clock: Clock) -> Check:
    """Whether the thread that decides still does."""

    def check() -> str:
        age_ms = clock.now_ms() - last_round_ms()
        return f"no round for {age_ms // 1000} s" if age_ms > MAX_ROUND_AGE_MS else ""

    return check


def database_keeps(database: Database, clock: Clock) -> Check:
    """Whether what is written is read back."""

    def check() -> str:
        row = {"name": KEY_NAME, "key": str(clock.now_ms())}
        table = tables.keys
        try:
            with database.write() as connection:
                upsert(connection, table, [row], ("name",))
            with database.read() as connection:
                kept = select(table.c.key).where(table.c.name == KEY_NAME)
                found = connection.execute(kept).scalar()
        except StorageError as error:
            return str(error)
        return "" if found == row["key"] else "the database does not give back what it took"

    return check


def a_channel_works(health: Callable[[], Sequence[ChannelHealth]]) -> Check:
    """Whether any integration gets its messages through."""

    def check() -> str:
        channels = health()
        if not channels or any(one.healthy for one in channels):
            return ""
        return f"all {len(channels)} integrations fail: {channels[0].last_error}"

    return check
