"""Twilio: a text message, or a call that reads the alert out, to one number.

One number an entry: what went to one person is never sent again because another one's failed.
Limits: https://www.twilio.com/docs/messaging/api/message-resource,
https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from alerts.channels.posted import Posting, Request
from alerts.channels.words import cut, fit, title
from alerts.message import Message, compose
from alerts.notification import Notification
from alerts.pager_config import TwilioConfig
from alerts.secret_source import SecretSource
from alerts.template import TemplatedFields
from alerts.template.entry import Filled
from collector.model.secrets import Secret

MAX_SMS = 1_600
MAX_OWN_SMS = 320
"""Two to five segments of a text message: what a watch shows, and what a telecom charges."""
MAX_SPOKEN = 600
"""About 45 seconds; nobody listens longer at night."""
SAID_TWICE = 2
"""Who wakes up misses the first words."""
FACTS = ("Budget left", "Exhausted in", "Service", "Incident")
TEXTS = TemplatedFields(texts=("message",), addresses=("to",))


def payload(
    notification: Notification, config: TwilioConfig, problems: Sequence[str] = ()
) -> dict[str, str]:
    """The fields of the form."""
    message = compose(notification)
    address = {"To": config.to}
    service = config.from_.startswith("MG")
    address["MessagingServiceSid" if service else "From"] = config.from_
    if config.kind == "call":
        return {**address, "Twiml": _twiml(config, message)}
    return {**address, "Body": cut(config.message, MAX_SMS) or _sms(message)}


def requests(
    notification: Notification, filled: Filled[TwilioConfig], secrets: Mapping[str, Secret]
) -> list[Request]:
    """One form."""
    config = filled.entry
    what = "Calls" if config.kind == "call" else "Messages"
    base = config.api_url.rstrip("/")
    url = Secret(f"{base}/2010-04-01/Accounts/{config.account_sid}/{what}.json")
    login = f"{config.account_sid}:{secrets['token'].reveal()}".encode()
    headers = {"authorization": f"Basic {base64.b64encode(login).decode()}"}
    fields = payload(notification, config, filled.problems)
    return [Request(url, {"data": fields}, fields, headers=headers)]


def _facts(message: Message) -> list[str]:
    return [f"{fact.name} {fact.value}" for fact in message.facts if fact.name in FACTS]


def _sms(message: Message) -> str:
    links = [link.url for link in message.links if link.text == "Incident"] or [
        link.url for link in message.links[:1]
    ]
    head = cut(title(message), MAX_OWN_SMS // 2)
    return fit([head, *_facts(message), *links], MAX_OWN_SMS)


def _twiml(config: TwilioConfig, message: Message) -> str:
    """What is said, in TwiML; a text of the user's own is spoken as it is."""
    state = "firing" if message.firing else "resolved"
    own = (
        f"tocsin: {message.severity} alert {state}. {message.title}. {'. '.join(_facts(message))}."
    )
    spoken = escape(_speakable(cut(config.message or own, MAX_SPOKEN)))
    voice = f'<Say language={quoteattr(config.language)} loop="{SAID_TWICE}">{spoken}</Say>'
    return f"<Response>{voice}</Response>"


def _speakable(text: str) -> str:
    """Without what XML can't hold."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


POSTING = Posting(
    "twilio",
    "Twilio",
    requests,
    lambda entry: {"token": SecretSource(entry.auth_token, entry.auth_token_file).read()},
)
