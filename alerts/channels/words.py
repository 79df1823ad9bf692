"""A message as lines of plain text, and texts cut to what a receiver takes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from alerts.message import Message
from alerts.notification import Notification

EMOJI = {"critical": "🔴", "error": "🔴", "warning": "🟠", "info": "🔵"}
OVER = "✅"
MAX_LINE = 700
"""A longer line of one message is a log file, and would leave no room for the others."""


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, ending in an ellipsis when something is missing."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def cut_bytes(text: str, limit: int) -> str:
    """The same by bytes of UTF-8."""
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= limit else raw[: limit - 3].decode("utf-8", "ignore") + "…"


def title(message: Message) -> str:
    """The title with a sign of how bad it is."""
    return f"{EMOJI[message.severity] if message.firing else OVER} {message.title}"


def body_lines(message: Message) -> list[str]:
    """What follows the title: the cause, the facts, the other alerts."""
    facts = [f"{fact.name}: {fact.value}" for fact in message.facts]
    others = [f"• {other}" for other in message.others]
    lines = [message.sentence, *facts, *others]
    return [cut(" ".join(line.split()), MAX_LINE) for line in lines if line.strip()]


def link_lines(message: Message) -> list[str]:
    """The links, one a line; one that would be cut is of no use and left out."""
    return [f"{link.text}: {link.url}" for link in message.links if len(link.url) <= MAX_LINE]


def fit(
    lines: Iterable[str], limit: int, size: Callable[[str], int] = len, joint: str = "\n"
) -> str:
    """As many whole lines as fit, and an ellipsis for the rest."""
    kept, used = list[str](), size("…") + size(joint)
    for line in lines:
        used += size(line) + size(joint)
        if used > limit:
            kept.append("…")
            break
        kept.append(line)
    return joint.join(kept)


def plain_text(message: Message, notification: Notification, limit: int) -> str:
    """The message without any markup, its last line naming why it came."""
    last = f"{str(notification.reason).capitalize()}, receiver {notification.receiver}"
    lines = [cut(title(message), limit // 2), *body_lines(message), *link_lines(message), last]
    return fit(lines, limit)
