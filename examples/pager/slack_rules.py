"""Slack's published rules for messages: arguments, Block Kit's fields and limits.

Sources: https://docs.slack.dev/reference/methods/chat.postMessage,
https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/reference/block-kit/block-elements,
https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re
from typing import Any

from examples.pager.shape import Problems, check_each, check_keys, check_length

MESSAGE: dict[str, type] = {
    "text": str, "blocks": list, "attachments": list, "channel": str, "username": str,
    "icon_emoji": str, "icon_url": str, "thread_ts": str, "mrkdwn": bool, "link_names": bool,
    "unfurl_links": bool, "unfurl_media": bool, "metadata": dict, "reply_broadcast": bool,
}  # fmt: skip
UPDATE = {**MESSAGE, "ts": str}
ATTACHMENT: dict[str, type] = {
    "color": str, "fallback": str, "blocks": list, "text": str, "title": str, "title_link": str,
    "pretext": str, "footer": str, "callback_id": str, "image_url": str, "thumb_url": str,
    "fields": list, "actions": list, "mrkdwn_in": list,
}  # fmt: skip
"""The blocks of today and the fields of Slack's older attachments, which Alertmanager sends."""
TEXT_KINDS = ("plain_text", "mrkdwn")
_SPECIAL = re.compile(
    r"<(?:!date\^\d+\^[^|>]+\|[^>]+|!(?:here|channel|everyone)|[@#][A-Z0-9]+|https?://[^|>]+(?:\|[^>]*)?)>"
)


def check_message(body: Any, allowed: dict[str, type] = MESSAGE) -> Problems:
    """Problems of a message."""
    problems = check_keys(body, "message", {}, allowed)
    if not isinstance(body, dict):
        return problems
    if not (body.get("text") or body.get("blocks") or body.get("attachments")):
        problems.append("message: no_text")
    if not body.get("text") and not _has_fallback(body.get("attachments")):
        problems.append("message.text: empty, a phone would show nothing")
    problems += check_length(body.get("text", ""), "message.text", 40_000, 0)
    problems += check_escapes(body.get("text", ""), "message.text")
    problems += check_blocks(body.get("blocks", []), "blocks")
    problems += check_length(body.get("attachments", []), "attachments", 100, 0)
    for where, attachment in check_each(body.get("attachments"), "attachments"):
        problems += check_keys(attachment, where, {}, ATTACHMENT)
        if isinstance(attachment, dict):
            problems += check_blocks(attachment.get("blocks", []), f"{where}.blocks")
    return problems


def _has_fallback(attachments: Any) -> bool:
    """Whether an attachment says what a phone shows instead."""
    found = attachments if isinstance(attachments, list) else []
    return any(isinstance(one, dict) and one.get("fallback") for one in found)


def check_blocks(blocks: Any, where: str) -> Problems:
    """Problems of a list of blocks."""
    problems = check_length(blocks, where, 50, 0)
    ids = [block.get("block_id") for block in blocks if isinstance(block, dict)]
    given = [one for one in ids if one]
    if len(set(given)) < len(given):
        problems.append(f"{where}: block_id stands twice")
    for place, block in check_each(blocks, where):
        kind = block.get("type") if isinstance(block, dict) else None
        check = BLOCKS.get(str(kind))
        problems += check(block, place) if check else [f"{place}: unsupported type {kind!r}"]
    return problems


def check_text(
    value: Any, where: str, longest: int, kinds: tuple[str, ...] = TEXT_KINDS
) -> Problems:
    """Problems of a text object."""
    optional: dict[str, type] = {"emoji": bool, "verbatim": bool}
    problems = check_keys(value, where, {"type": str, "text": str}, optional)
    if not isinstance(value, dict):
        return problems
    if value.get("type") not in kinds:
        problems.append(f"{where}.type: must be one of {kinds}")
    if value.get("type") == "mrkdwn":
        if "emoji" in value:
            problems.append(f"{where}.emoji: only for plain_text")
        problems += check_escapes(value.get("text", ""), f"{where}.text")
    return problems + check_length(value.get("text", ""), f"{where}.text", longest)


def check_escapes(text: Any, where: str) -> Problems:
    """`&`, `<` and `>` must be escaped outside Slack's own links and dates."""
    rest = _SPECIAL.sub("", str(text))
    if "<" in rest or ">" in rest:
        return [f"{where}: < or > is not escaped"]
    if re.search(r"&(?!amp;|lt;|gt;)", rest):
        return [f"{where}: & is not escaped"]
    return []


def _header(block: dict[str, Any], where: str) -> Problems:
    problems = check_keys(block, where, {"type": str, "text": dict}, {"block_id": str})
    return problems + check_text(block.get("text"), f"{where}.text", 150, ("plain_text",))


def _section(block: dict[str, Any], where: str) -> Problems:
    optional: dict[str, type] = {
        "text": dict, "fields": list, "block_id": str, "accessory": dict, "expand": bool,
    }  # fmt: skip
    problems = check_keys(block, where, {"type": str}, optional)
    if "text" not in block and "fields" not in block:
        problems.append(f"{where}: needs text or fields")
    if "text" in block:
        problems += check_text(block["text"], f"{where}.text", 3_000)
    if "fields" in block:
        problems += check_length(block["fields"], f"{where}.fields", 10)
    for place, field in check_each(block.get("fields"), f"{where}.fields"):
        problems += check_text(field, place, 2_000)
    return problems


def _actions(block: dict[str, Any], where: str) -> Problems:
    problems = check_keys(block, where, {"type": str, "elements": list}, {"block_id": str})
    problems += check_length(block.get("elements"), f"{where}.elements", 25)
    actions = []
    for place, element in check_each(block.get("elements"), f"{where}.elements"):
        problems += _button(element, place)
        actions.append(element.get("action_id") if isinstance(element, dict) else None)
    if len(set(actions)) < len(actions):
        problems.append(f"{where}: action_id stands twice")
    return problems


def _button(element: Any, where: str) -> Problems:
    optional: dict[str, type] = {
        "url": str, "value": str, "style": str, "confirm": dict, "accessibility_label": str,
    }  # fmt: skip
    required: dict[str, type] = {"type": str, "text": dict, "action_id": str}
    problems = check_keys(element, where, required, optional)
    if not isinstance(element, dict):
        return problems
    if element.get("type") != "button":
        problems.append(f"{where}.type: only buttons are known here")
    if element.get("style", "primary") not in ("primary", "danger"):
        problems.append(f"{where}.style: primary or danger")
    if "url" in element and not str(element["url"]).startswith(("http://", "https://")):
        problems.append(f"{where}.url: must be a URL")
    problems += check_text(element.get("text"), f"{where}.text", 75, ("plain_text",))
    problems += check_length(element.get("url", "x"), f"{where}.url", 3_000)
    problems += check_length(element.get("value", "x"), f"{where}.value", 2_000)
    return problems + check_length(element.get("action_id"), f"{where}.action_id", 255)


def _context(block: dict[str, Any], where: str) -> Problems:
    problems = check_keys(block, where, {"type": str, "elements": list}, {"block_id": str})
    problems += check_length(block.get("elements"), f"{where}.elements", 10)
    for place, element in check_each(block.get("elements"), f"{where}.elements"):
        problems += check_text(element, place, 3_000)
    return problems


def _image(block: dict[str, Any], where: str) -> Problems:
    optional: dict[str, type] = {
        "image_url": str, "slack_file": dict, "title": dict, "block_id": str,
    }  # fmt: skip
    problems = check_keys(block, where, {"type": str, "alt_text": str}, optional)
    if ("image_url" in block) == ("slack_file" in block):
        problems.append(f"{where}: needs image_url or slack_file, not both")
    problems += check_length(block.get("image_url", "x"), f"{where}.image_url", 3_000)
    if "slack_file" in block:
        problems += check_keys(
            block["slack_file"], f"{where}.slack_file", {}, {"id": str, "url": str}
        )
    return problems + check_length(block.get("alt_text"), f"{where}.alt_text", 2_000)


def shown_files(body: Any) -> list[str]:
    """Ids of the files that a message shows."""
    held = [body, *(body.get("attachments") or [])]
    blocks = [block for one in held for block in one.get("blocks") or []]
    return [block["slack_file"]["id"] for block in blocks if "slack_file" in block]


def _divider(block: dict[str, Any], where: str) -> Problems:
    return check_keys(block, where, {"type": str}, {"block_id": str})


BLOCKS = {
    "header": _header,
    "section": _section,
    "actions": _actions,
    "context": _context,
    "divider": _divider,
    "image": _image,
}
