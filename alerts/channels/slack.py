"""Slack: an incoming webhook, or a bot with chat.postMessage and chat.update.

With a bot token an incident has one message, brought up to date in place, a thread that tells its
story and a picture of its burn; a webhook can do none of it and posts anew. The words go first: the
picture follows them, and a picture that fails fails no message.
"""

from __future__ import annotations

import json
import logging
import threading
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from alerts.channels.http import HttpSender, quoted, refusal
from alerts.channels.interface import DeliveryError, Preview, Receipt
from alerts.channels.slack_api import Json, SlackApi, SlackRefusedError
from alerts.channels.slack_attachment import has_own_texts
from alerts.channels.slack_message import PLAIN, Extras, payload
from alerts.channels.slack_thread import reply, story_to_remember
from alerts.message import lead_of
from alerts.notification import Notification, Reason
from alerts.receivers_config import SlackConfig
from alerts.secret_source import SecretSource
from alerts.sparkline import alt_text, picture_of
from alerts.template import EntryTemplates, TemplatedFields
from collector.model.clock import Clock
from collector.model.secrets import Secret

log = logging.getLogger(__name__)

GONE = {"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"}
"""A message that can't be updated any more: a new one is posted."""
NO_PICTURES = {"missing_scope", "not_allowed_token_type", "file_uploads_disabled"}
"""The bot may not upload (`files:write`): it is asked once a process."""
POST = "chat.postMessage"
PICTURE_WAITS_SECONDS = (0.4, 1.2)
"""Slack works on a file after it took it; a message that shows it earlier is refused."""


@dataclass(frozen=True, slots=True)
class SlackAddress:
    """Where to post and as whom; `token` is falsy for an incoming webhook.

    `buttons`: somebody listens to what is pressed in Slack.
    """

    url: SecretSource
    token: SecretSource
    buttons: bool = False


TEXTS = TemplatedFields(
    texts=(
        *("username", "icon_emoji", "icon_url", "message_text", "color"),
        *("title", "title_link", "pretext", "text", "fallback", "callback_id", "footer"),
        *("image_url", "thumb_url", "fields", "actions"),
    ),
    addresses=("channel",),
    mrkdwn=("message_text", "title", "pretext", "text", "fallback", "footer", "fields"),
)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A message on its way: what it tells, as it was filled in."""

    notification: Notification
    config: SlackConfig
    problems: tuple[str, ...]
    extras: Extras

    def body(self) -> Json:
        return payload(self.notification, self.config, self.problems, self.extras)


class SlackChannel:
    """One entry of `slack_configs`."""

    kind = "slack"

    def __init__(
        self, texts: EntryTemplates[SlackConfig], address: SlackAddress, clock: Clock
    ) -> None:
        self._texts = texts
        self._config = texts.entry
        self._address = address
        self._http = HttpSender(self._config.http_config, self._config.timeout, clock)
        self._api = SlackApi(self._http, address.token)
        self._draws = True
        self._closed = threading.Event()
        self.takes_changes = bool(address.token) and self._config.update_message

    def send(self, notification: Notification) -> Receipt:
        """Post, or bring the incident's message up to date; raises DeliveryError."""
        filled = self._texts.fill(notification)
        url = self._address.url.read()
        draft = _Draft(notification, filled.entry, filled.problems, PLAIN)
        if not _is_bot(url):
            self._post_webhook(url, draft.body())
            return Receipt(problems=filled.problems)
        base = url.reveal().removesuffix(POST)
        known = notification.remembered
        extras = Extras(
            known.get("picture", ""), alt_text(lead_of(notification)), self._address.buttons
        )
        draft = replace(draft, extras=extras)
        remembered = self._add_picture(base, draft, self._hand_over(base, draft))
        return Receipt(remembered, filled.problems)

    def preview(self, notification: Notification) -> Preview:
        """The message as JSON."""
        filled = self._texts.fill(notification)
        extras = Extras(buttons=self._address.buttons)
        body = payload(notification, filled.entry, filled.problems, extras)
        return Preview(json.dumps(body, indent=2, ensure_ascii=False), filled.problems)

    def close(self) -> None:
        """Close the connections."""
        self._closed.set()
        self._http.close()

    def _hand_over(self, base: str, draft: _Draft) -> dict[str, str]:
        """The words; gives what is to be remembered."""
        notification = draft.notification
        known = dict(notification.remembered)
        story = {"story": story_to_remember(notification)}
        if known.get("ts") and self._config.update_message:
            try:
                self._update(base, known, draft.body())
                self._tell_thread(base, known, notification)
                return {**known, **story, **_incident(notification)}
            except SlackRefusedError as error:
                if error.code not in GONE:
                    raise
        elif notification.reason is Reason.CHANGED:
            return known  # nothing was posted that could change
        answer = self._api.call(base, POST, {**draft.body(), "unfurl_links": False})
        place = {"ts": str(answer["ts"]), "channel": str(answer["channel"])}
        return {**place, **story, **_incident(notification)}

    def _update(self, base: str, place: dict[str, str], body: Json) -> None:
        # what the message had and has no more must be named, or it stays
        kept = {"text": "", "blocks": [], "attachments": [], **body}
        kept = {key: kept[key] for key in ("text", "blocks", "attachments")}
        target = {"channel": place["channel"], "ts": place["ts"]}
        self._api.call(base, "chat.update", {**kept, **target})

    def _tell_thread(self, base: str, place: dict[str, str], notification: Notification) -> None:
        said = reply(notification, place.get("story", ""))
        if not self._config.post_updates_to_thread or not said.text:
            return
        body: Json = {"channel": place["channel"], "thread_ts": place["ts"], "text": said.text}
        if said.broadcast:
            body["reply_broadcast"] = True
        self._api.call(base, POST, body)

    def _add_picture(self, base: str, draft: _Draft, remembered: dict[str, str]) -> dict[str, str]:
        """Draw the burn of now into a message whose words are there; never fails it."""
        lead = lead_of(draft.notification)
        wanted = self._draws and draft.notification.reason is not Reason.CHANGED
        png = None if has_own_texts(draft.config) or not wanted else picture_of(lead)
        if png is None or "ts" not in remembered:
            return remembered
        try:
            file_id = self._api.upload(base, "burn.png", png, draft.extras.alt_text)
            shown = replace(draft, extras=replace(draft.extras, picture=file_id))
            self._show(base, remembered, shown.body())
        except DeliveryError as error:
            if isinstance(error, SlackRefusedError) and error.code in NO_PICTURES:
                self._draws = False
            log.warning("Slack shows no picture: %s", error)
            return remembered
        return {**remembered, "picture": file_id}

    def _show(self, base: str, place: dict[str, str], body: Json) -> None:
        for wait in (*PICTURE_WAITS_SECONDS, None):
            try:
                return self._update(base, place, body)
            except SlackRefusedError as error:
                if error.code != "invalid_blocks" or wait is None or self._closed.wait(wait):
                    raise
        return None

    def _post_webhook(self, url: Secret, body: Json) -> None:
        answer = self._http.post(url, body)
        error = refusal(answer, "Slack", (url,))
        if error is not None:
            raise error
        if answer.text.strip() != "ok":
            raise DeliveryError(f"Slack answered: {quoted(answer.text, (url,))}", permanent=True)


def _is_bot(url: Secret) -> bool:
    return urlsplit(url.reveal()).path.endswith("/" + POST)


def _incident(notification: Notification) -> dict[str, str]:
    """Whose message it is: a group that fires again soon has the same incident, and message."""
    incident = notification.incident
    return {"incident": str(incident.number)} if incident else {}
