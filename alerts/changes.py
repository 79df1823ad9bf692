"""Tells receivers that want it of a change; nobody is called, and what fails is not tried again."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from alerts.channels.pagerduty import PagerdutyChannel
from alerts.channels.pagerduty_change import Change
from alerts.receivers import Integration
from collector.model.errors import TocsinError

log = logging.getLogger(__name__)


def tell_change(integrations: Iterable[Integration], change: Change) -> int:
    """Send a change to each integration that asked for changes; gives how many took it."""
    taken = 0
    for one in integrations:
        channel = one.channel
        if not isinstance(channel, PagerdutyChannel) or not channel.hears_changes:
            continue
        try:
            channel.tell_change(change)
            taken += 1
        except TocsinError as error:
            log.warning("%s was not told of a change: %s", one.key, error)
    return taken
