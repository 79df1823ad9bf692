"""One POST of an error-budget policy: JSON, signed if there is a secret to sign with.

The signature is `sha256=` and the hexadecimal HMAC-SHA256 (RFC 2104) of the body as it is sent. The
idempotency key is that of the crossing, the same each time it is tried.
"""

from __future__ import annotations

import hashlib
import hmac

import httpx

from collector.model.errors import UnavailableError
from slo.config_policies import PolicyWebhookConfig

TIMEOUT_SECONDS = 10.0
SIGNATURE = "X-Tocsin-Signature"
KEY = "Idempotency-Key"


def signature_of(body: bytes, secret: str) -> str:
    """`sha256=…`, to be compared by the receiver in constant time."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(webhook: PolicyWebhookConfig, body: str, id_: str) -> None:
    """Send it; an answer of 200 to 299 means that it was taken. Raises UnavailableError."""
    content = body.encode()
    headers = {"Content-Type": "application/json", KEY: id_}
    if webhook.hmac_secret is not None:
        headers[SIGNATURE] = signature_of(content, webhook.hmac_secret.reveal())
    try:
        answer = httpx.post(
            webhook.url.reveal(), content=content, headers=headers, timeout=TIMEOUT_SECONDS
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnavailableError(
            f"webhook {webhook.name} gave no answer: {type(error).__name__}"
        ) from None
    if not answer.is_success:
        raise UnavailableError(f"webhook {webhook.name} answered {answer.status_code}")
