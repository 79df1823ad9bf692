"""`CHANNELS`: the key in a receiver -> how its entries become channels. One file, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from alerts.channels.build import build_email, build_pagerduty, build_slack, build_webhook
from alerts.channels.build_posted import (
    build_apprise,
    build_discord,
    build_incidentio,
    build_mattermost,
    build_msteamsv2,
    build_opsgenie,
    build_pushover,
    build_rocketchat,
    build_telegram,
    build_twilio,
    build_victorops,
    build_webex,
)
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
    "discord": build_discord,
    "incidentio": build_incidentio,
    "mattermost": build_mattermost,
    "msteamsv2": build_msteamsv2,
    "opsgenie": build_opsgenie,
    "pushover": build_pushover,
    "rocketchat": build_rocketchat,
    "telegram": build_telegram,
    "twilio": build_twilio,
    "victorops": build_victorops,
    "webex": build_webex,
    "apprise": build_apprise,
}
