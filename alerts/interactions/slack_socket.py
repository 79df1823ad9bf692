"""Slack's Socket Mode: presses arrive over a connection that we open, so no port must be public.

One thread: ask for an address, connect, acknowledge each envelope at once, then act. Slack closes
the connection every few hours and says so before; it is opened anew, with a growing pause while it
fails.
Source: https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from alerts.channels.http import HttpSender
from alerts.channels.interface import DeliveryError
from alerts.channels.slack_api import SlackApi
from alerts.secret_source import SecretSource
from collector.model.clock import Clock
from collector.model.errors import TocsinError

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 60.0
OPEN_SECONDS = 15.0
RECEIVE_SECONDS = 1.0
"""How soon a stop is noticed."""
MAX_MESSAGE_BYTES = 1024 * 1024
PING_SECONDS = 20.0


class SlackSocket:
    """The connection and its thread; `on_interaction` gets each interaction's payload."""

    def __init__(
        self,
        base_url: str,
        token: SecretSource,
        clock: Clock,
        on_interaction: Callable[[Mapping[str, object]], None],
    ) -> None:
        self._base_url = base_url
        self._http = HttpSender(None, 0, clock)
        self._api = SlackApi(self._http, token)
        self._on_interaction = on_interaction
        self._stopping = threading.Event()
        self.is_open = False
        self._thread = threading.Thread(target=self._run, name="tocsin-slack-socket", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Close the connection and end the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(OPEN_SECONDS)
        self._http.close()

    def _run(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            try:
                self._listen()
                pause = FIRST_PAUSE_SECONDS
                continue
            except (TocsinError, WebSocketException, OSError) as error:
                # an address holds a ticket: of errors below our own only the kind is told
                told = error if isinstance(error, TocsinError) else type(error).__name__
                log.warning("no connection to Slack, buttons do nothing meanwhile: %s", told)
            except Exception:
                log.exception("listening to Slack failed in itself")
            finally:
                self.is_open = False
            self._stopping.wait(pause)
            pause = min(pause * 2, MAX_PAUSE_SECONDS)

    def _listen(self) -> None:
        """One connection, until Slack asks for another one or we stop."""
        url = str(self._api.call(self._base_url, "apps.connections.open", {}).get("url", ""))
        if not url.startswith(("wss://", "ws://")):
            raise DeliveryError("Slack named no address of a socket")
        with connect(
            url,
            open_timeout=OPEN_SECONDS,
            max_size=MAX_MESSAGE_BYTES,
            ping_interval=PING_SECONDS,
            user_agent_header="tocsin",
        ) as socket:
            self.is_open = True
            while not self._stopping.is_set():
                try:
                    text = socket.recv(RECEIVE_SECONDS)
                except TimeoutError:
                    continue
                if not self._take(socket, text):
                    return

    def _take(self, socket: ClientConnection, text: str | bytes) -> bool:
        """Acknowledge and pass on one message; False when the connection is to be opened anew."""
        try:
            envelope = json.loads(text)
        except ValueError:
            return True
        if not isinstance(envelope, dict) or envelope.get("type") == "disconnect":
            return not isinstance(envelope, dict)
        if isinstance(envelope.get("envelope_id"), str):
            socket.send(json.dumps({"envelope_id": envelope["envelope_id"]}))
        payload = envelope.get("payload")
        if envelope.get("type") == "interactive" and isinstance(payload, dict):
            self._on_interaction(payload)
        return True
