"""Pydantic model of an entry of `slos.webhooks`, to which error-budget policies post."""

from __future__ import annotations

from pydantic import Field, field_validator

from collector.config_values import SecretText, Section
from collector.model.secrets import Secret


class PolicyWebhookConfig(Section):
    """Where policies that name it post; with `hmac_secret` each body is signed."""

    name: str = Field(min_length=1, max_length=100)
    url: SecretText
    hmac_secret: SecretText | None = None

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: Secret) -> Secret:
        if not url.reveal().startswith(("http://", "https://")):
            raise ValueError("write a URL that begins with https:// or http://")
        return url
