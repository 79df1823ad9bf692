"""Runs every receiver's templates on examples: a misspelt field shows before the first alert.

A template that fails on an example may do well on real alerts: the findings are warnings.
"""

from __future__ import annotations

from collections.abc import Sequence

from alerts.config import AlertmanagerGlobal, AlertsConfig
from alerts.example import example_alerts, notification_of, resolved
from alerts.notification import Notification
from alerts.receivers import Integration, build_integrations
from alerts.template import TemplateBook
from collector.model.clock import ManualClock
from collector.model.errors import ConfigError, LimitError, TemplateError, UnavailableError

NOW_MS = 1_700_000_000_000
"""Any moment: examples have no other."""
URL = "https://tocsin.example.org"


def failing_templates(
    config: AlertsConfig, global_: AlertmanagerGlobal, book: TemplateBook
) -> list[tuple[str, str]]:
    """(integration, text) of each template that fails on an example; [] where none can be built."""
    try:
        integrations = build_integrations(config, global_, ManualClock(NOW_MS), book)
    except ConfigError:
        return []
    found = [(one.key, problem) for one in integrations for problem in _problems(one)]
    for one in integrations:
        one.channel.close()
    return found


def _problems(integration: Integration) -> list[str]:
    told: dict[str, None] = {}
    for notification in _examples(integration.receiver):
        told.update(dict.fromkeys(_problems_on(integration, notification)))
    return [f"a template fails on an example: {one}" for one in told]


def _problems_on(integration: Integration, notification: Notification) -> Sequence[str]:
    try:
        return integration.channel.preview(notification).problems
    except (TemplateError, LimitError) as error:
        return [error.message]
    except UnavailableError:
        return []


def _examples(receiver: str) -> list[Notification]:
    firing = example_alerts(NOW_MS)
    groups = (firing, firing[:1], resolved(firing, NOW_MS))
    return [notification_of(alerts, receiver, NOW_MS, URL) for alerts in groups]
