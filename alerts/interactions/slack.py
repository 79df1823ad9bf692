"""A button that somebody pressed in Slack: read, and done at the desk.

Source: https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from alerts.channels.slack_message import ACKNOWLEDGE, SILENCE, SILENCE_SECONDS
from alerts.on_call.interface import IncidentDesk
from collector.model.errors import InputError, TocsinError

log = logging.getLogger(__name__)

MAX_NUMBER_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Press:
    """Who pressed which of our buttons on which incident; `reply_url` leads to them alone."""

    action: str
    incident: int
    actor: str
    reply_url: str


def read_press(payload: object) -> Press | None:
    """The press in an interaction payload; None for what is not one of our buttons.

    Raises InputError for one that names no incident or no person.
    """
    if not isinstance(payload, Mapping) or payload.get("type") != "block_actions":
        return None
    actions = payload.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    if not isinstance(action, Mapping) or action.get("action_id") not in (ACKNOWLEDGE, SILENCE):
        return None
    user, value = payload.get("user"), action.get("value")
    person = user.get("id") if isinstance(user, Mapping) else None
    is_number = isinstance(value, str) and value.isascii() and value.isdigit()
    if not isinstance(person, str) or not person or not is_number:
        raise InputError("a press names no person or no incident")
    if len(str(value)) > MAX_NUMBER_DIGITS:
        raise InputError("a press names an incident that can't be")
    reply_url = payload.get("response_url")
    return Press(
        str(action["action_id"]),
        int(str(value)),
        f"slack:{person}"[:80],
        reply_url if isinstance(reply_url, str) else "",
    )


def do_press(press: Press, desk: IncidentDesk) -> str:
    """Do what was pressed; gives what the person must hear, or "" where the message shows it."""
    try:
        if press.action == ACKNOWLEDGE:
            desk.acknowledge(press.incident, press.actor)
        else:
            desk.silence(press.incident, SILENCE_SECONDS, press.actor)
    except KeyError:
        return f"There is no incident #{press.incident} any more."
    except TocsinError as error:
        log.warning("a press by %s on incident %d failed: %s", press.actor, press.incident, error)
        return f"That did not work: {error}"
    return ""
