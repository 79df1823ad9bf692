"""Telegram: sendMessage of a bot; a change of the incident edits the message that was sent.

No buttons: Telegram refuses a whole message for a URL that it can't reach.
Limits: https://core.telegram.org/bots/api#sendmessage, https://core.telegram.org/bots/faq#my-bot-is-hitting-limits
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alerts.channels.http import Answer
from alerts.channels.posted import Json, Posting, Request, json_request, parsed
from alerts.channels.words import body_lines, cut, fit, title
from alerts.chat_config import TelegramConfig
from alerts.message import compose, with_problems
from alerts.notification import Notification, Reason
from alerts.secret_source import SecretSource
from alerts.template import TemplatedFields
from alerts.template.entry import Filled
from collector.model.errors import UnavailableError
from collector.model.secrets import Secret

MAX_TEXT = 4_096
MAX_TITLE = 500
DEFAULT_URL = "https://api.telegram.org"
TEXTS = TemplatedFields(texts=("message",))


def payload(
    notification: Notification, config: TelegramConfig, problems: Sequence[str] = ()
) -> Json:
    """The message; our own words are HTML, whatever `parse_mode` says of the user's."""
    text = cut(config.message, MAX_TEXT) or _own_text(notification, problems)
    mode = config.parse_mode if config.message else "HTML"
    body: Json = {
        "chat_id": _chat_id(config),
        "text": text,
        "link_preview_options": {"is_disabled": True},
    }
    if mode:
        body["parse_mode"] = mode
    if config.disable_notifications:
        body["disable_notification"] = True
    if config.message_thread_id:
        body["message_thread_id"] = config.message_thread_id
    return body


def requests(
    notification: Notification, filled: Filled[TelegramConfig], secrets: Mapping[str, Secret]
) -> list[Request]:
    """A message, which answers the incident's first one; or an edit of what was sent last."""
    config, known = filled.entry, notification.remembered
    base = f"{(config.api_url or DEFAULT_URL).rstrip('/')}/bot{secrets['token'].reveal()}"
    body = payload(notification, config, filled.problems)
    last = known.get("message_id", "")
    if notification.reason is Reason.CHANGED:
        if not last:
            return []
        edit = {k: v for k, v in body.items() if k not in ("disable_notification",
                                                           "message_thread_id")}  # fmt: skip
        url = Secret(f"{base}/editMessageText")
        return [json_request(url, {**edit, "message_id": int(last)})]
    if last:
        answered = {"message_id": int(last), "allow_sending_without_reply": True}
        body["reply_parameters"] = answered
    return [json_request(Secret(f"{base}/sendMessage"), body, remember=_message_id)]


def _own_text(notification: Notification, problems: Sequence[str]) -> str:
    message = with_problems(compose(notification), problems)
    head = f"<b>{html.escape(cut(title(message), MAX_TITLE))}</b>"
    lines = [html.escape(line) for line in body_lines(message)]
    links = [
        f'<a href="{html.escape(link.url)}">{html.escape(link.text)}</a>' for link in message.links
    ]
    return fit([head, *lines, *links], MAX_TEXT)


def _chat_id(config: TelegramConfig) -> int:
    if not config.chat_id_file:
        return config.chat_id
    try:
        return int(Path(config.chat_id_file).read_text(encoding="utf-8").strip())
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"no chat's number in {config.chat_id_file}", advice="check the file"
        ) from error


def _message_id(answer: Answer) -> Mapping[str, str]:
    body = parsed(answer)
    result = body.get("result") if isinstance(body, dict) else None
    number = result.get("message_id") if isinstance(result, dict) else None
    return {"message_id": str(number)} if isinstance(number, int) else {}


def _wish(body: Any) -> object:
    parameters = body.get("parameters")
    return parameters.get("retry_after") if isinstance(parameters, dict) else None


def _is_taken(status: int, body: Any) -> bool:
    """An edit that changes nothing is refused, and as good as taken."""
    described = str(body.get("description", "")) if isinstance(body, dict) else ""
    return status == 200 or "message is not modified" in described


POSTING = Posting(
    "telegram",
    "Telegram",
    requests,
    lambda entry: {"token": SecretSource(entry.bot_token, entry.bot_token_file).read()},
    _wish,
    _is_taken,
    takes_changes=True,
)
