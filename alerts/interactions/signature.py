"""Proofs that a request comes from Slack or PagerDuty, is fresh, and was not sent before. Pure.

Sources: https://docs.slack.dev/authentication/verifying-requests-from-slack,
https://developer.pagerduty.com/docs/verifying-webhook-signatures
"""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict

from collector.model.errors import InputError
from collector.model.secrets import Secret

WINDOW_SECONDS = 300
"""Slack's own advice: an older request may be a replayed one."""
MAX_SEEN = 10_000
"""Signatures that are remembered; at 30 presses a second that is the window."""


class SignatureError(InputError):
    """The request is not from whom it says, too old, or a copy (HTTP 401)."""


def check_slack(body: bytes, timestamp: str, given: str, secret: Secret, now_ms: int) -> None:
    """Raises SignatureError unless `given` (`v0=…`) signs the body at a timestamp of now."""
    if not timestamp.isdigit() or len(timestamp) > 12:
        raise SignatureError("X-Slack-Request-Timestamp is missing or no number")
    if abs(now_ms / 1000 - int(timestamp)) > WINDOW_SECONDS:
        raise SignatureError(
            f"signed more than {WINDOW_SECONDS} s ago", advice="check the clock of this machine"
        )
    wanted = "v0=" + _hmac(secret, b"v0:" + timestamp.encode() + b":" + body)
    if not hmac.compare_digest(wanted.encode(), given.encode()):
        raise SignatureError("X-Slack-Signature is wrong", advice="check the signing secret")


def check_pagerduty(body: bytes, given: str, secret: Secret) -> None:
    """Raises SignatureError unless one of the signatures (`v1=…,v1=…`) signs the body."""
    wanted = "v1=" + _hmac(secret, body)
    found = [one.strip() for one in given.split(",")]
    if not any(hmac.compare_digest(wanted.encode(), one.encode()) for one in found):
        raise SignatureError("X-PagerDuty-Signature is wrong", advice="check the webhook's secret")


class SeenRequests:
    """Which signed requests came already, for as long as their timestamp would let them pass."""

    def __init__(self) -> None:
        self._until_ms: OrderedDict[str, int] = OrderedDict()

    def check(self, name: str, now_ms: int) -> None:
        """Note a request; raises SignatureError when it was noted before."""
        while self._until_ms and next(iter(self._until_ms.values())) < now_ms:
            self._until_ms.popitem(last=False)
        if name in self._until_ms:
            raise SignatureError("this request came before")
        if len(self._until_ms) >= MAX_SEEN:
            self._until_ms.popitem(last=False)
        self._until_ms[name] = now_ms + 2 * WINDOW_SECONDS * 1000


def _hmac(secret: Secret, text: bytes) -> str:
    return hmac.new(secret.reveal().encode(), text, hashlib.sha256).hexdigest()
