"""A receiver that knows the secret can check each body, and how old it is."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from alerts.channels.build import build_webhook
from alerts.config import AlertmanagerGlobal
from alerts.notification import Notification, Reason
from alerts.receivers_config import WebhookConfig
from alerts.template import default_book
from collector.model import Alert, Labels, ManualClock


def test_the_signature_is_over_time_and_body(pager: Any, slo_alert: Alert) -> None:
    entry = {"url": f"{pager.url}/webhook", "hmac_secret": "s3cr3t"}
    channel = build_webhook(
        WebhookConfig.model_validate(entry), AlertmanagerGlobal(),
        ManualClock(1_700_000_000_000), default_book(),
    )  # fmt: skip
    channel.send(Notification("0" * 32, "r", "g", Labels(), (slo_alert,), Reason.FIRST, 2))
    channel.close()
    (entry_got,) = pager.of("webhook")
    time, signature = entry_got.headers["x-tocsin-signature"].split(",")
    raw = entry_got.headers["raw"].encode()
    wanted = hmac.new(b"s3cr3t", b"1700000000." + raw, hashlib.sha256).hexdigest()
    assert (time, signature) == ("t=1700000000", f"v1={wanted}")
    assert json.loads(raw) == entry_got.body
    assert "s3cr3t" not in str(entry_got)
