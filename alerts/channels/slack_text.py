"""Text for Slack's mrkdwn: escaped, and cut where Slack would refuse it. Pure."""

from __future__ import annotations

import re

MAX_TEXT = 4_000
"""Advised for the top-level text; Slack cuts at 40,000."""


def escape(text: str) -> str:
    """`&`, `<` and `>` as Slack's mrkdwn wants them, so that no label can make a link or a ping."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, ending in an ellipsis when something is missing."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    ampersand = kept.rfind("&", len(kept) - 5)
    if ampersand >= 0 and ";" not in kept[ampersand:]:
        kept = kept[:ampersand]
    return kept + "…"


def with_mentions(text: str) -> str:
    """Escaped text in which `slack:U123` is shown as that person's name."""
    return re.sub(r"\bslack:([UW][A-Z0-9]{2,20})\b", r"<@\1>", text)
