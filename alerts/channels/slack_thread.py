"""What the thread below a message says: each change of an incident once, in order. Pure.

What was told is remembered as the story's last lines, for a story that a message carries is cut at
its beginning.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from alerts.channels.slack_message import change_line
from alerts.channels.slack_text import MAX_TEXT, cut, escape, with_mentions
from alerts.notification import Notification, Reason

LOUD = ("it fires again", "escalated")
"""Lines with these words are for the whole channel, not for the thread alone."""
SAID_OTHERWISE = ("its alerts ended",)
"""Lines that `change_line` tells better."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply in the thread; `broadcast` shows it in the channel too. Empty text: no reply."""

    text: str
    broadcast: bool


def reply(notification: Notification, told: str) -> Reply:
    """What is to be said now; `told` is what `story_to_remember` gave after the last message."""
    story = notification.incident.story if notification.incident else ()
    lines = [line for line in new_lines(_read(told), story) if not line.endswith(SAID_OTHERWISE)]
    loud = notification.reason is Reason.REPEAT or any(
        word in line for line in lines for word in LOUD
    )
    texts = [with_mentions(escape(line)) for line in lines]
    if change := change_line(notification):
        texts.append(change)
    return Reply(cut("\n".join(texts), MAX_TEXT), loud and bool(notification.firing))


def story_to_remember(notification: Notification) -> str:
    """The lines that this message tells."""
    return json.dumps(notification.incident.story if notification.incident else ())


def new_lines(told: Sequence[str], story: Sequence[str]) -> list[str]:
    """Lines of `story` after those of `told`, whose end overlaps its beginning.

    The longest overlap counts, so a line that is said twice is told twice.
    """
    for start in range(len(told) + 1):
        common = list(told[start:])
        if list(story[: len(common)]) == common:
            return list(story[len(common) :])
    return list(story)


def _read(told: str) -> list[str]:
    try:
        lines = json.loads(told) if told else []
    except ValueError:
        return []
    return [str(line) for line in lines] if isinstance(lines, list) else []
