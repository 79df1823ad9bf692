"""The message that Slack shows: `payload(...)`, pure.

The top-level `text` is what a phone shows; then a header, and a coloured attachment of blocks:
facts, cause, picture, buttons, context.
Limits: https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/reference/methods/chat.postMessage
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from alerts.channels.slack_attachment import attachment, has_own_texts
from alerts.channels.slack_text import MAX_TEXT, cut, escape, with_mentions
from alerts.message import Link, Message, compose, lasted, with_problems
from alerts.notification import IncidentBrief, Notification, Reason
from alerts.receivers_config import SlackConfig

Json = dict[str, Any]
MAX_HEADER = 150
MAX_SECTION = 3_000
MAX_FIELDS = 10
MAX_FIELD = 2_000
MAX_BUTTON_TEXT = 75
MAX_URL = 3_000
MAX_ALT_TEXT = 2_000
MAX_BUTTONS = 5
"""Slack takes 25; more than five are no help at night."""
COLORS = {"critical": "#d92d20", "error": "#e5484d", "warning": "#f5a524", "info": "#3b82f6"}
GREEN = "#2e9e5b"
HANDLED = "#8b5cf6"
"""Someone has it in hand: neither an alarm nor over."""
EMOJI = {"critical": "🔴", "error": "🔴", "warning": "🟠", "info": "🔵"}
HANDLED_EMOJI = {"acknowledged": "👀", "snoozed": "💤"}
ACKNOWLEDGE, SILENCE = "tocsin_acknowledge", "tocsin_silence"
SILENCE_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Extras:
    """What a message may have beyond its words.

    `picture` is the id of a file that Slack holds; `buttons` says whether somebody hears presses.
    """

    picture: str = ""
    alt_text: str = ""
    buttons: bool = False


PLAIN = Extras()


def payload(
    notification: Notification,
    config: SlackConfig,
    problems: Sequence[str] = (),
    extras: Extras = PLAIN,
) -> Json:
    """The message of a notification: text, header, and a coloured attachment of blocks.

    Whoever wrote one of Alertmanager's texts gets its attachment instead, with that text in it.
    """
    message = with_problems(compose(notification), problems)
    title = f"{_sign(message, notification.incident)} {message.title}"
    color = config.color or _color(message, notification.incident)
    preview = cut(escape(_preview(message, title)), MAX_TEXT)
    if has_own_texts(config):
        own = attachment(config, message, title, preview)
        body: Json = {"attachments": [{"color": color, **own}]}
        if extras.buttons and (acts := _act_buttons(notification)):
            body["attachments"].append({"color": color, "fallback": "-", "blocks": [_row(acts)]})
    else:
        blocks = list(_blocks(message, notification, extras))
        body = {
            "text": preview,
            "blocks": [{"type": "header", "text": plain(title, MAX_HEADER)}],
            "attachments": [{"color": color, "fallback": cut(title, MAX_TEXT), "blocks": blocks}],
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


def plain(text: str, limit: int) -> Json:
    """A plain_text object; empty text is not allowed by Slack."""
    return {"type": "plain_text", "text": cut(text or "-", limit), "emoji": True}


def mrkdwn(text: str, limit: int) -> Json:
    """A mrkdwn object of text that is escaped already."""
    return {"type": "mrkdwn", "text": cut(text or "-", limit)}


def change_line(notification: Notification) -> str:
    """One line for the thread: what changed among the alerts; "" when nothing did."""
    if notification.reason is Reason.CHANGED:
        return ""
    if not notification.firing:
        return escape(f"✅ Resolved after {lasted(notification)}")
    count = f"{len(notification.firing)} firing, {len(notification.resolved)} resolved"
    return escape(f"{str(notification.reason).capitalize()}: {count}")


def _sign(message: Message, incident: IncidentBrief | None) -> str:
    if not message.firing:
        return "✅"
    return HANDLED_EMOJI.get(incident.status if incident else "", EMOJI[message.severity])


def _color(message: Message, incident: IncidentBrief | None) -> str:
    if not message.firing:
        return GREEN
    handled = incident is not None and incident.status in HANDLED_EMOJI
    return HANDLED if handled else COLORS[message.severity]


def _preview(message: Message, title: str) -> str:
    facts = [
        f"{fact.name} {fact.value}"
        for fact in message.facts
        if fact.name in ("Budget left", "Exhausted in")
    ]
    return " · ".join([title, *(facts or [message.sentence])][:3]).strip(" ·")


def _blocks(message: Message, notification: Notification, extras: Extras) -> Iterable[Json]:
    facts = [
        mrkdwn(f"*{escape(fact.name)}*\n{with_mentions(escape(fact.value))}", MAX_FIELD)
        for fact in message.facts[:MAX_FIELDS]
    ]
    if facts:
        yield {"type": "section", "fields": facts}
    if message.sentence:
        yield {"type": "section", "text": mrkdwn(escape(message.sentence), MAX_SECTION)}
    if message.others:
        lines = "\n".join(f"• {escape(other)}" for other in message.others)
        yield {"type": "section", "text": mrkdwn(lines, MAX_SECTION)}
    if extras.picture:
        alt = cut(extras.alt_text or "burn rate", MAX_ALT_TEXT)
        yield {"type": "image", "slack_file": {"id": extras.picture}, "alt_text": alt}
    acts = _act_buttons(notification) if extras.buttons else []
    links = [link for link in message.links if len(link.url) <= MAX_URL]
    buttons = [*acts, *map(_link_button, links)][:MAX_BUTTONS]
    if buttons:
        yield _row(buttons)
    yield {"type": "context", "elements": [mrkdwn(_context(message, notification), MAX_SECTION)]}


def _row(buttons: list[Json]) -> Json:
    return {"type": "actions", "elements": buttons}


def _act_buttons(notification: Notification) -> list[Json]:
    """What may be done with an incident that is open."""
    incident = notification.incident
    if incident is None or incident.status == "resolved" or not notification.firing:
        return []
    number = str(incident.number)
    silence = _act_button(SILENCE, "Silence 1 h", number)
    if incident.status == "acknowledged":
        return [silence]
    return [{**_act_button(ACKNOWLEDGE, "Acknowledge", number), "style": "primary"}, silence]


def _act_button(action_id: str, text: str, value: str) -> Json:
    return {
        "type": "button",
        "action_id": action_id,
        "text": plain(text, MAX_BUTTON_TEXT),
        "value": value,
    }


def _link_button(link: Link) -> Json:
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
