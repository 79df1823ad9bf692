"""`CHANNELS`: the key in a receiver -> how its entries become channels. One file, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from alerts.channels.build import build_email, build_pagerduty, build_slack, build_webhook
from alerts.channels.interface import Channel
from alerts.config import AlertmanagerGlobal
from alerts.template import TemplateBook
from collector.model.clock import Clock

BuildChannel = Callable[[Any, AlertmanagerGlobal, Clock, TemplateBook], Channel]
"""An entry of the receiver, the defaults, a clock and the templates that its texts may call.

Raises InputError, its `where` naming the field if one is to blame, for what is missing or wrong.
"""

CHANNELS: Mapping[str, BuildChannel] = {
    "slack": build_slack,
    "pagerduty": build_pagerduty,
    "email": build_email,
    "webhook": build_webhook,
}
