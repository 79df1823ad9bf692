"""Slack: `payload(...)` pure, then an incoming webhook or chat.postMessage and chat.update.

With a bot token a group has one message, brought up to date in place, and a thread that tells its
story; a webhook can do neither and posts anew. The top-level `text` is what a phone shows.
Limits: https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/reference/methods/chat.postMessage
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from alerts.channels.http import Answer, HttpSender, quoted, refusal
from alerts.channels.interface import DeliveryError, Preview, Receipt
from alerts.channels.slack_attachment import attachment, has_own_texts
from alerts.channels.slack_text import MAX_TEXT, cut, escape
from alerts.message import Link, Message, compose, lasted, with_problems
from alerts.notification import Notification
from alerts.receivers_config import SlackConfig
from alerts.secret_source import SecretSource
from alerts.template import EntryTemplates, TemplatedFields
from collector.model.clock import Clock
from collector.model.secrets import Secret

Json = dict[str, Any]
MAX_HEADER = 150
MAX_SECTION = 3_000
MAX_FIELDS = 10
MAX_FIELD = 2_000
MAX_BUTTON_TEXT = 75
MAX_URL = 3_000
MAX_BUTTONS = 5
"""Slack takes 25; more than five are no help at night."""
COLORS = {"critical": "#d92d20", "error": "#e5484d", "warning": "#f5a524", "info": "#3b82f6"}
GREEN = "#2e9e5b"
EMOJI = {"critical": "🔴", "error": "🔴", "warning": "🟠", "info": "🔵"}
LATER = {
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
    "rollup_error",
}
"""Errors that Slack answers with `ok: false` and that may pass."""
GONE = {"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"}
"""A message that can't be updated any more: a new one is posted."""


@dataclass(frozen=True, slots=True)
class SlackAddress:
    """Where to post and as whom; `token` is falsy for an incoming webhook."""

    url: SecretSource
    token: SecretSource


TEXTS = TemplatedFields(
    texts=(
        *("username", "icon_emoji", "icon_url", "message_text", "color"),
        *("title", "title_link", "pretext", "text", "fallback", "callback_id", "footer"),
        *("image_url", "thumb_url", "fields", "actions"),
    ),
    addresses=("channel",),
)


def payload(notification: Notification, config: SlackConfig, problems: Sequence[str] = ()) -> Json:
    """The message of a notification: text, header, and a coloured attachment of blocks.

    Whoever wrote one of Alertmanager's texts gets its attachment instead, with that text in it.
    """
    message = with_problems(compose(notification), problems)
    sign = EMOJI[message.severity] if message.firing else "✅"
    title = f"{sign} {message.title}"
    color = config.color or (COLORS[message.severity] if message.firing else GREEN)
    preview = cut(escape(_preview(message, title)), MAX_TEXT)
    if has_own_texts(config):
        own = attachment(config, message, title, preview)
        body: Json = {"attachments": [{"color": color, **own}]}
    else:
        shown = {"fallback": cut(title, MAX_TEXT), "blocks": list(_blocks(message, notification))}
        body = {
            "text": preview,
            "blocks": [{"type": "header", "text": plain(title, MAX_HEADER)}],
            "attachments": [{"color": color, **shown}],
        }
    settings = {
        "text": cut(config.message_text, MAX_TEXT),
        "channel": config.channel,
        "username": config.username,
        "icon_emoji": config.icon_emoji,
        "icon_url": config.icon_url,
    }
    body.update((key, value) for key, value in settings.items() if value)
    return body


def thread_line(notification: Notification) -> str:
    """One line for the thread: what changed."""
    message = compose(notification)
    if not message.firing:
        return escape(f"✅ Resolved after {lasted(notification)}")
    count = f"{len(notification.firing)} firing, {len(notification.resolved)} resolved"
    return escape(f"{str(notification.reason).capitalize()}: {count}")


def plain(text: str, limit: int) -> Json:
    """A plain_text object; empty text is not allowed by Slack."""
    return {"type": "plain_text", "text": cut(text or "-", limit), "emoji": True}


def mrkdwn(text: str, limit: int) -> Json:
    """A mrkdwn object of text that is escaped already."""
    return {"type": "mrkdwn", "text": cut(text or "-", limit)}


def _preview(message: Message, title: str) -> str:
    facts = [
        f"{fact.name} {fact.value}"
        for fact in message.facts
        if fact.name in ("Budget left", "Exhausted in")
    ]
    return " · ".join([title, *(facts or [message.sentence])][:3]).strip(" ·")


def _blocks(message: Message, notification: Notification) -> Iterable[Json]:
    facts = [
        mrkdwn(f"*{escape(fact.name)}*\n{escape(fact.value)}", MAX_FIELD)
        for fact in message.facts[:MAX_FIELDS]
    ]
    if facts:
        yield {"type": "section", "fields": facts}
    if message.sentence:
        yield {"type": "section", "text": mrkdwn(escape(message.sentence), MAX_SECTION)}
    if message.others:
        lines = "\n".join(f"• {escape(other)}" for other in message.others)
        yield {"type": "section", "text": mrkdwn(lines, MAX_SECTION)}
    links = [link for link in message.links if len(link.url) <= MAX_URL][:MAX_BUTTONS]
    if links:
        yield {"type": "actions", "elements": [_button(link) for link in links]}
    yield {"type": "context", "elements": [mrkdwn(_context(message, notification), MAX_SECTION)]}


def _button(link: Link) -> Json:
    return {
        "type": "button",
        "action_id": f"open_{link.text.lower()}",
        "text": plain(link.text, MAX_BUTTON_TEXT),
        "url": link.url,
    }


def _context(message: Message, notification: Notification) -> str:
    since = message.since_ms // 1000
    when = f"<!date^{since}^Since {{date_short_pretty}} {{time}}|since {since}>"
    parts = [when, f"{len(notification.alerts)} in group", f"to {notification.receiver}"]
    return " · ".join([parts[0], *map(escape, parts[1:])])


class SlackChannel:
    """One entry of `slack_configs`."""

    takes_changes = False

    kind = "slack"

    def __init__(
        self, texts: EntryTemplates[SlackConfig], address: SlackAddress, clock: Clock
    ) -> None:
        self._texts = texts
        self._config = texts.entry
        self._address = address
        self._http = HttpSender(self._config.http_config, self._config.timeout, clock)

    def send(self, notification: Notification) -> Receipt:
        """Post, or bring the group's message up to date; raises DeliveryError."""
        filled = self._texts.fill(notification)
        body = payload(notification, filled.entry, filled.problems)
        return replace(self._hand_over(notification, body), problems=filled.problems)

    def preview(self, notification: Notification) -> Preview:
        """The message as JSON."""
        filled = self._texts.fill(notification)
        body = payload(notification, filled.entry, filled.problems)
        return Preview(json.dumps(body, indent=2, ensure_ascii=False), filled.problems)

    def _hand_over(self, notification: Notification, body: Json) -> Receipt:
        url = self._address.url.read()
        if not self._has_bot(url):
            self._post_webhook(url, body)
            return Receipt()
        known = notification.remembered
        if self._config.update_message and known.get("ts"):
            try:
                return self._update(url, notification, body)
            except DeliveryError as error:
                if not any(code in error.message for code in GONE):
                    raise
        answer = self._call(url, {**body, "unfurl_links": False})
        return Receipt({"ts": str(answer["ts"]), "channel": str(answer["channel"])})

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _has_bot(self, url: Secret) -> bool:
        return urlsplit(url.reveal()).path.endswith("/chat.postMessage")

    def _post_webhook(self, url: Secret, body: Json) -> None:
        answer = self._http.post(url, body)
        error = refusal(answer, "Slack", (url,))
        if error is not None:
            raise error
        if answer.text.strip() != "ok":
            raise DeliveryError(f"Slack answered: {quoted(answer.text, (url,))}", permanent=True)

    def _update(self, url: Secret, notification: Notification, body: Json) -> Receipt:
        known = notification.remembered
        place = {"channel": known["channel"], "ts": known["ts"]}
        # what the message had and has no more must be named, or it stays
        kept = {"text": "", "blocks": [], "attachments": [], **body}
        kept = {key: kept[key] for key in ("text", "blocks", "attachments")}
        base = url.reveal().removesuffix("chat.postMessage")
        self._call(Secret(base + "chat.update"), {**kept, **place})
        if self._config.post_updates_to_thread:
            line = {"channel": place["channel"], "thread_ts": place["ts"]}
            self._call(url, {**line, "text": thread_line(notification)})
        return Receipt(dict(known))

    def _call(self, url: Secret, body: Json) -> Json:
        token = self._address.token
        headers = {"authorization": f"Bearer {token.read().reveal()}"} if token else {}
        answer = self._http.post(url, body, headers)
        error = refusal(answer, "Slack")
        if error is not None:
            raise error
        return _checked(answer)


def _checked(answer: Answer) -> Json:
    """Slack's JSON; raises DeliveryError for `ok: false`, which comes with status 200."""
    try:
        data = json.loads(answer.text)
    except ValueError:
        raise DeliveryError(f"Slack answered no JSON: {quoted(answer.text)}") from None
    if not isinstance(data, dict) or not data.get("ok"):
        code = str(data.get("error", "unknown")) if isinstance(data, dict) else "unknown"
        details = "; ".join(map(str, data.get("errors", ()))) if isinstance(data, dict) else ""
        raise DeliveryError(
            f"Slack answered {code}" + (f": {quoted(details)}" if details else ""),
            permanent=code not in LATER,
            retry_after_seconds=answer.retry_after_seconds,
            advice="" if code in LATER else f"https://docs.slack.dev explains {code}",
        )
    return data
