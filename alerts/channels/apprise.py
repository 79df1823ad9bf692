"""About a hundred more services through apprise, each by one URL.

apprise says only whether a message was taken: what failed is tried again as if it may pass. Its own
log is kept silent, for it may name the URL, which is a secret.
Source: https://github.com/caronc/apprise/wiki
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from alerts.channels.interface import DeliveryError, Preview, Receipt
from alerts.channels.words import cut, plain_text, title
from alerts.message import compose, with_problems
from alerts.notification import Notification
from alerts.pager_config import AppriseConfig
from alerts.secret_source import SecretSource
from alerts.template import EntryTemplates, TemplatedFields
from collector.model.errors import InputError

MAX_TITLE = 250
MAX_TEXT = 4_000
"""apprise cuts further where its service takes less."""
KINDS = {"critical": "failure", "error": "failure", "warning": "warning", "info": "info"}
TEXTS = TemplatedFields(texts=("title", "message"))


def payload(
    notification: Notification, config: AppriseConfig, problems: Sequence[str] = ()
) -> dict[str, str]:
    """Title, body and kind, as apprise takes them."""
    message = with_problems(compose(notification), problems)
    return {
        "title": cut(config.title or title(message), MAX_TITLE),
        "body": cut(config.message, MAX_TEXT) or plain_text(message, notification, MAX_TEXT),
        "notify_type": KINDS[message.severity] if message.firing else "success",
    }


class AppriseChannel:
    """One entry of `apprise_configs`."""

    kind = "apprise"
    takes_changes = False

    def __init__(self, texts: EntryTemplates[AppriseConfig]) -> None:
        """Raises InputError when apprise is not installed, or does not know the URL."""
        if find_spec("apprise") is None:
            raise InputError(
                "apprise is not installed", advice="install tocsin[apprise], or remove the entry"
            )
        self._texts = texts
        entry = texts.entry
        if entry.url is not None and not len(self._target(entry)):
            raise InputError(
                "apprise does not know this URL (not shown: it is a secret)",
                advice="https://github.com/caronc/apprise/wiki lists the forms of all services",
            )

    def send(self, notification: Notification) -> Receipt:
        """Hand one message over; raises DeliveryError."""
        filled = self._texts.fill(notification)
        target = self._target(filled.entry)
        if not len(target):
            raise DeliveryError("apprise does not know the URL in the file", permanent=True)
        taken = target.notify(**payload(notification, filled.entry, filled.problems))
        if not taken:
            raise DeliveryError("the service behind apprise did not take the message")
        return Receipt(problems=filled.problems)

    def preview(self, notification: Notification) -> Preview:
        """Title and text."""
        filled = self._texts.fill(notification)
        shown = payload(notification, filled.entry, filled.problems)
        return Preview(f"{shown['title']}\n\n{shown['body']}", filled.problems)

    def close(self) -> None:
        """Nothing is kept open between messages."""

    def _target(self, entry: AppriseConfig) -> Any:
        import apprise

        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
        target = apprise.Apprise()
        target.add(SecretSource(entry.url, entry.url_file).read().reveal())
        return target
