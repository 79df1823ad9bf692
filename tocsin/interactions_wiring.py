"""Ways back from Slack and PagerDuty to the incident desk: built, started, reloaded, closed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from alerts.changes import tell_change
from alerts.channels.pagerduty_change import Change
from alerts.config import AlertmanagerGlobal
from alerts.interactions.desk_door import DeskDoor
from alerts.interactions.open_groups import open_group_keys
from alerts.secret_source import SecretSource
from alerts.service import AlertService
from collector.model.clock import Clock
from collector.model.deploy import Deploy
from collector.model.errors import TocsinError
from tocsin.background import in_background

if TYPE_CHECKING:
    from alerts.interactions.slack_socket import SlackSocket

log = logging.getLogger(__name__)

POST = "chat.postMessage"


class Interactions:
    """The door for signed requests, and the socket to Slack where a token for one is configured."""

    def __init__(self, alerts: AlertService, clock: Clock, settings: AlertmanagerGlobal) -> None:
        self.settings = settings
        self._alerts = alerts
        desk = alerts.on_call.desk
        self.door = DeskDoor(desk, lambda: open_group_keys(alerts.database), clock)
        self._clock = clock
        self._socket: SlackSocket | None = None

    def start(self) -> None:
        """Open the socket, if one is wanted."""
        token = SecretSource(
            self.settings.slack_socket_token, self.settings.slack_socket_token_file
        )
        if token:
            # a library that a start without Slack need not load
            from alerts.interactions.slack_socket import SlackSocket

            base = self.settings.slack_app_url.removesuffix(POST)
            self._socket = SlackSocket(base, token, self._clock, self._take)
            self._socket.start()

    def apply(self, settings: AlertmanagerGlobal) -> None:
        """Take a configuration over; the socket is opened anew only when it changed."""
        old, self.settings = self.settings, settings
        names = ("slack_socket_token", "slack_socket_token_file", "slack_app_url")
        if any(getattr(old, name) != getattr(settings, name) for name in names):
            self._close_socket()
            self.start()

    def tell_deploy(self, deploy: Deploy) -> None:
        """Tell receivers of changes, in a thread of its own."""
        note = f": {deploy.note}" if deploy.note else ""
        details = {"service": deploy.service, "version": deploy.version}
        summary = f"{deploy.service} {deploy.version}{note}"
        change = Change(summary, deploy.at_ms, url=deploy.url, details=details)
        found = [sender.integration for sender in self._alerts.senders.values()]

        def tell() -> None:
            tell_change(found, change)

        in_background("change", tell)

    def close(self) -> None:
        """Close socket and connections."""
        self._close_socket()
        self.door.close()

    def _close_socket(self) -> None:
        if self._socket is not None:
            self._socket.stop()
            self._socket = None

    def _take(self, payload: object) -> None:
        try:
            self.door.take_slack(payload)
        except TocsinError as error:
            log.warning("a press in Slack that can't be read: %s", error)
