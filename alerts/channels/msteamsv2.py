"""Microsoft Teams: an adaptive card to the webhook of a workflow.

Limits: https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using,
https://adaptivecards.io/explorer/AdaptiveCard.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alerts.channels.posted import Json, Posting, Request, json_request
from alerts.channels.words import cut, cut_bytes, fit, title
from alerts.chat_config import MsTeamsConfig
from alerts.message import Fact, compose, with_problems
from alerts.notification import Notification
from alerts.secret_source import SecretSource
from alerts.template import TemplatedFields
from alerts.template.entry import Filled
from collector.model.secrets import Secret

MAX_TITLE = 300
MAX_TEXT = 3_000
MAX_USER_TEXT = 6_000
MAX_USER_BYTES = 20 * 1024
"""Teams refuses a message over 28 KiB; this, a title and links stay under it in any script."""
MAX_FACTS = 12
MAX_FACT = 200
MAX_LINKS = 4
MAX_URL = 1_000
COLORS = {"critical": "attention", "error": "attention", "warning": "warning", "info": "accent"}
TEXTS = TemplatedFields(texts=("title", "text"))


def payload(
    notification: Notification, config: MsTeamsConfig, problems: Sequence[str] = ()
) -> Json:
    """A message with one adaptive card."""
    message = with_problems(compose(notification), problems)
    head = {
        "type": "TextBlock",
        "text": cut(config.title or title(message), MAX_TITLE),
        "weight": "bolder",
        "size": "large",
        "wrap": True,
        "color": COLORS[message.severity] if message.firing else "good",
    }
    if config.text:
        body: list[Json] = [
            head,
            _words(cut_bytes(cut(config.text, MAX_USER_TEXT), MAX_USER_BYTES)),
        ]
    else:
        lines = fit((f"- {other}" for other in message.others), MAX_TEXT)
        words = [_words(cut(text, MAX_TEXT)) for text in (message.sentence, lines) if text.strip()]
        body = [head, *words[:1], *_facts(message.facts[:MAX_FACTS]), *words[1:]]
    card: Json = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    }
    links = [link for link in message.links if len(link.url) <= MAX_URL][:MAX_LINKS]
    if links:
        card["actions"] = [
            {"type": "Action.OpenUrl", "title": link.text, "url": link.url} for link in links
        ]
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


def requests(
    notification: Notification, filled: Filled[MsTeamsConfig], secrets: Mapping[str, Secret]
) -> list[Request]:
    """One message."""
    return [json_request(secrets["url"], payload(notification, filled.entry, filled.problems))]


def _words(text: str) -> Json:
    return {"type": "TextBlock", "text": text, "wrap": True}


def _facts(facts: Sequence[Fact]) -> list[Json]:
    shown = [
        {"title": cut(fact.name, MAX_FACT), "value": cut(fact.value, MAX_FACT)} for fact in facts
    ]
    return [{"type": "FactSet", "facts": shown}] if shown else []


POSTING = Posting(
    "msteamsv2",
    "Microsoft Teams",
    requests,
    lambda entry: {"url": SecretSource(entry.webhook_url, entry.webhook_url_file).read()},
)
