"""Published rules of chats: Discord, Microsoft Teams, Telegram, Webex, Mattermost, Rocket.Chat.

Sources: https://discord.com/developers/docs/resources/webhook#execute-webhook,
https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using,
https://core.telegram.org/bots/api#sendmessage,
https://developer.webex.com/docs/api/v1/messages/create-a-message,
https://developers.mattermost.com/integrate/reference/message-attachments/,
https://developer.rocket.chat/apidocs/post-message
"""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

from examples.pager.shape import Problems, check_each, check_keys, check_length

TELEGRAM_TAGS = {"b", "strong", "i", "em", "u", "s", "a", "code", "pre", "tg-spoiler", "blockquote"}


def check_discord(body: Any) -> Problems:
    """Problems of the body of a Discord webhook."""
    optional: dict[str, type] = {
        "content": str, "username": str, "avatar_url": str, "embeds": list,
        "allowed_mentions": dict, "tts": bool, "attachments": list, "flags": int,
    }  # fmt: skip
    problems = check_keys(body, "message", {}, optional)
    if not isinstance(body, dict):
        return problems
    if not body.get("content") and not body.get("embeds"):
        problems.append("message: empty")
    problems += check_length(body.get("content", ""), "content", 2_000, 0)
    problems += check_length(body.get("username", "x"), "username", 80)
    problems += check_length(body.get("embeds", []), "embeds", 10, 0)
    total = 0
    for where, embed in check_each(body.get("embeds"), "embeds"):
        problems += _embed(embed, where)
        total += _embed_size(embed)
    if total > 6_000:
        problems.append(f"embeds: {total} characters together are over 6000")
    return problems


def _embed(embed: Any, where: str) -> Problems:
    optional: dict[str, type] = {
        "title": str, "description": str, "url": str, "timestamp": str, "color": int,
        "fields": list, "image": dict, "footer": dict, "author": dict, "thumbnail": dict,
    }  # fmt: skip
    problems = check_keys(embed, where, {}, optional)
    if not isinstance(embed, dict):
        return problems
    problems += check_length(embed.get("title", "x"), f"{where}.title", 256)
    problems += check_length(embed.get("description", "x"), f"{where}.description", 4_096, 0)
    problems += check_length(embed.get("fields", []), f"{where}.fields", 25, 0)
    if not 0 <= embed.get("color", 0) <= 0xFFFFFF:
        problems.append(f"{where}.color: out of range")
    for place, field in check_each(embed.get("fields"), f"{where}.fields"):
        problems += check_keys(field, place, {"name": str, "value": str}, {"inline": bool})
        problems += check_length(field.get("name", "").strip(), f"{place}.name", 256)
        problems += check_length(field.get("value", "").strip(), f"{place}.value", 1_024)
    return problems


def _embed_size(embed: Any) -> int:
    fields = [one.get("name", "") + one.get("value", "") for one in embed.get("fields", [])]
    return sum(map(len, [embed.get("title", ""), embed.get("description", ""), *fields]))


def check_teams(body: Any) -> Problems:
    """Problems of a message with an adaptive card."""
    problems = check_keys(body, "message", {"type": str, "attachments": list}, {"summary": str})
    if not isinstance(body, dict):
        return problems
    if len(json.dumps(body).encode()) > 28 * 1024:
        problems.append("message: over 28 KiB")
    for where, one in check_each(body.get("attachments"), "attachments"):
        problems += check_keys(one, where, {"contentType": str, "content": dict}, {})
        if one.get("contentType") != "application/vnd.microsoft.card.adaptive":
            problems.append(f"{where}.contentType: no adaptive card")
        problems += _card(one.get("content"), f"{where}.content")
    return problems


def _card(card: Any, where: str) -> Problems:
    required: dict[str, type] = {"type": str, "version": str, "body": list}
    optional: dict[str, type] = {"$schema": str, "actions": list, "msteams": dict}
    problems = check_keys(card, where, required, optional)
    for place, block in check_each(card.get("body"), f"{where}.body"):
        kind = block.get("type")
        if kind == "TextBlock":
            styles: dict[str, type] = {"weight": str, "size": str, "wrap": bool, "color": str}
            problems += check_keys(block, place, {"type": str, "text": str}, styles)
            problems += check_length(block.get("text"), f"{place}.text", 28_000)
        elif kind == "FactSet":
            for at, fact in check_each(block.get("facts"), f"{place}.facts"):
                problems += check_keys(fact, at, {"title": str, "value": str}, {})
        else:
            problems.append(f"{place}: unknown element {kind!r}")
    for place, action in check_each(card.get("actions"), f"{where}.actions"):
        problems += check_keys(action, place, {"type": str, "title": str, "url": str}, {})
        if not str(action.get("url")).startswith(("http://", "https://")):
            problems.append(f"{place}.url: no URL")
    return problems + check_length(card.get("actions", []), f"{where}.actions", 6, 0)


class _TelegramHtml(HTMLParser):
    """Tags that Telegram knows, closed in their order, and the length of the text in them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.problems: Problems = []
        self.length = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TELEGRAM_TAGS:
            self.problems.append(f"text: unsupported tag {tag}")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"text: {tag} is closed and not open")

    def handle_data(self, data: str) -> None:
        self.length += len(data)


def check_telegram(body: Any, *, edit: bool = False) -> Problems:
    """Problems of the arguments of sendMessage or editMessageText."""
    required: dict[str, type] = {"chat_id": int, "text": str}
    optional: dict[str, type] = {"parse_mode": str, "link_preview_options": dict}
    if edit:
        required["message_id"] = int
    else:
        optional.update(disable_notification=bool, message_thread_id=int, reply_parameters=dict)
    problems = check_keys(body, "message", required, optional)
    if not isinstance(body, dict):
        return problems
    if body.get("parse_mode", "HTML") not in ("HTML", "Markdown", "MarkdownV2"):
        problems.append("parse_mode: unknown")
    text = str(body.get("text", ""))
    length = len(text)
    if body.get("parse_mode") == "HTML":
        parser = _TelegramHtml()
        parser.feed(text)
        parser.close()
        problems += parser.problems + [f"text: {tag} is not closed" for tag in parser.open]
        length = parser.length
    if not 1 <= length <= 4_096:
        problems.append(f"text: {length} characters")
    return problems


def check_webex(body: Any) -> Problems:
    """Problems of a new message."""
    problems = check_keys(body, "message", {"roomId": str}, {"markdown": str, "text": str})
    if len(str(body.get("markdown", "")).encode()) > 7_439:
        problems.append("markdown: over 7439 bytes")
    return problems if body.get("markdown") or body.get("text") else [*problems, "message: empty"]


ATTACHMENT: dict[str, type] = {
    "fallback": str, "color": str, "pretext": str, "text": str, "author_name": str,
    "author_link": str, "author_icon": str, "title": str, "title_link": str, "fields": list,
    "image_url": str, "thumb_url": str, "footer": str, "footer_icon": str, "actions": list,
}  # fmt: skip


def check_mattermost(body: Any) -> Problems:
    """Problems of a post to an incoming webhook."""
    optional: dict[str, type] = {
        "text": str, "channel": str, "username": str, "icon_url": str, "icon_emoji": str,
        "attachments": list, "type": str, "props": dict, "priority": dict,
    }  # fmt: skip
    problems = check_keys(body, "post", {}, optional)
    if not body.get("text") and not body.get("attachments"):
        problems.append("post: empty")
    problems += check_length(body.get("text", ""), "text", 16_383, 0)
    for where, one in check_each(body.get("attachments"), "attachments"):
        problems += check_keys(one, where, {}, ATTACHMENT)
        problems += check_length(one.get("text", ""), f"{where}.text", 16_383, 0)
    return problems


def check_rocketchat(body: Any) -> Problems:
    """Problems of chat.postMessage."""
    optional: dict[str, type] = {
        "text": str, "alias": str, "emoji": str, "avatar": str, "attachments": list,
        "parseUrls": bool,
    }  # fmt: skip
    problems = check_keys(body, "message", {"channel": str}, optional)
    for where, one in check_each(body.get("attachments"), "attachments"):
        problems += check_keys(one, where, {}, ATTACHMENT)
        problems += check_length(one.get("text", ""), f"{where}.text", 5_000, 0)
    return problems
