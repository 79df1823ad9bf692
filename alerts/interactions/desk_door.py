"""The way from outside to the desk: what both Slack's socket and the signed routes hand in.

A press that could not be done is answered to the one who pressed, over the address that Slack gave.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from alerts.channels.http import HttpSender
from alerts.channels.interface import DeliveryError
from alerts.channels.pagerduty import dedup_key
from alerts.interactions.slack import do_press, read_press
from alerts.on_call.interface import IncidentDesk
from collector.model.clock import Clock
from collector.model.secrets import Secret

log = logging.getLogger(__name__)

REPLY_HOST = "hooks.slack.com"
REPLY_TIMEOUT_MS = 5_000


class DeskDoor:
    """Knows the desk, the keys of the groups that it has incidents of, and the time."""

    def __init__(
        self,
        desk: IncidentDesk,
        group_keys: Callable[[], Iterable[str]],
        clock: Clock,
        reply_host: str = REPLY_HOST,
    ) -> None:
        self.desk = desk
        self._group_keys = group_keys
        self._clock = clock
        self._reply_host = reply_host
        self._http = HttpSender(None, REPLY_TIMEOUT_MS, clock)

    def now_ms(self) -> int:
        """The time."""
        return self._clock.now_ms()

    def group_of(self, key: str) -> str | None:
        """The group whose events PagerDuty knows by this key."""
        return next((one for one in self._group_keys() if dedup_key(one) == key), None)

    def take_slack(self, payload: object) -> None:
        """Do what was pressed; raises InputError for a payload that is none."""
        press = read_press(payload)
        problem = do_press(press, self.desk) if press is not None else ""
        if press is not None and problem:
            self._tell(press.reply_url, problem)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _tell(self, url: str, text: str) -> None:
        if urlsplit(url).hostname != self._reply_host:
            return
        body = {"response_type": "ephemeral", "replace_original": False, "text": text}
        try:
            self._http.post(Secret(url), body)
        except DeliveryError as error:
            log.info("the one who pressed can't be told: %s", error)
