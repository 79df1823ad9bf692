"""Pydantic models of receivers that page or keep incidents, under Alertmanager's own names.

`twilio_configs` and `apprise_configs` are tocsin's own. Texts may be Go templates; one that is not
set leaves its place to tocsin's own layout.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from alerts.config_values import (
    GO_TEMPLATE,
    DurationMs,
    HttpUrl,
    SecretText,
    Section,
    Text,
    at_most_one,
)
from alerts.http_config import HttpReceiver

_PHONE = re.compile(r"\+[1-9]\d{1,14}")


def _phone(text: str) -> str:
    if GO_TEMPLATE not in text and not _PHONE.fullmatch(text):
        raise ValueError(f"not a phone number in E.164, like +49301234567: {text!r}")
    return text


Phone = Annotated[Text, AfterValidator(_phone)]


class Responder(Section):
    """Who is to be told: `type` is team, teams, user, escalation or schedule."""

    id: str = ""
    name: str = ""
    username: str = ""
    type: str = Field(min_length=1)

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not (self.id or self.name or self.username):
            raise ValueError("a responder has no id, name or username")
        return self


class OpsgenieConfig(HttpReceiver):
    """One entry of `opsgenie_configs`."""

    send_resolved: bool = True
    api_key: SecretText | None = None
    api_key_file: str = ""
    api_url: HttpUrl | None = None
    message: str = ""
    description: str = ""
    source: str = ""
    details: dict[str, Text] = Field(default_factory=dict)
    responders: list[Responder] = Field(default_factory=list)
    tags: str = ""
    note: str = ""
    priority: str = ""
    update_alerts: bool = False
    entity: str = ""
    actions: str = ""

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        at_most_one(api_key=self.api_key, api_key_file=self.api_key_file)
        return self


class VictoropsConfig(HttpReceiver):
    """One entry of `victorops_configs` (Splunk On-Call)."""

    send_resolved: bool = True
    api_key: SecretText | None = None
    api_key_file: str = ""
    api_url: HttpUrl | None = None
    routing_key: str = Field(min_length=1)
    message_type: str = ""
    entity_display_name: str = ""
    state_message: str = ""
    monitoring_tool: str = ""
    custom_fields: dict[str, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        at_most_one(api_key=self.api_key, api_key_file=self.api_key_file)
        return self


class PushoverConfig(HttpReceiver):
    """One entry of `pushover_configs`."""

    send_resolved: bool = True
    api_url: HttpUrl = "https://api.pushover.net/1/messages.json"
    user_key: SecretText | None = None
    user_key_file: str = ""
    token: SecretText | None = None
    token_file: str = ""
    title: str = ""
    message: str = ""
    url: str = ""
    url_title: str = ""
    device: str = ""
    sound: str = ""
    priority: Text = ""
    retry: DurationMs = Field(default=60_000, ge=30_000)
    expire: DurationMs = Field(default=3_600_000, le=3 * 3_600_000)
    ttl: DurationMs = Field(default=0, ge=0)
    html: bool = False
    monospace: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        at_most_one(user_key=self.user_key, user_key_file=self.user_key_file)
        at_most_one(token=self.token, token_file=self.token_file)
        at_most_one(html=self.html, monospace=self.monospace)
        if not self.user_key and not self.user_key_file:
            raise ValueError("one of user_key or user_key_file must be configured")
        if not self.token and not self.token_file:
            raise ValueError("one of token or token_file must be configured")
        return self


class IncidentioConfig(HttpReceiver):
    """One entry of `incidentio_configs`: an HTTP alert source of incident.io."""

    send_resolved: bool = True
    url: HttpUrl | None = None
    url_file: str = ""
    alert_source_token: SecretText | None = None
    alert_source_token_file: str = ""
    max_alerts: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        at_most_one(url=self.url, url_file=self.url_file)
        at_most_one(
            alert_source_token=self.alert_source_token,
            alert_source_token_file=self.alert_source_token_file,
        )
        if not self.url and not self.url_file:
            raise ValueError("one of url or url_file must be configured")
        authorized = self.http_config is not None and self.http_config.authorization is not None
        if not (self.alert_source_token or self.alert_source_token_file or authorized):
            raise ValueError("missing alert_source_token or alert_source_token_file")
        return self


class TwilioConfig(HttpReceiver):
    """One entry of `twilio_configs`: a text message to, or a call of, one number."""

    send_resolved: bool = True
    kind: Literal["sms", "call"] = "sms"
    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$")
    auth_token: SecretText | None = None
    auth_token_file: str = ""
    from_: str = Field(alias="from", min_length=1)
    to: Phone
    message: str = ""
    language: str = "en-US"
    api_url: HttpUrl = "https://api.twilio.com"

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        at_most_one(auth_token=self.auth_token, auth_token_file=self.auth_token_file)
        if not self.auth_token and not self.auth_token_file:
            raise ValueError("one of auth_token or auth_token_file must be configured")
        if self.kind == "call" and not _PHONE.fullmatch(self.from_):
            raise ValueError("a call needs a phone number in from")
        return self


class AppriseConfig(Section):
    """One entry of `apprise_configs`: any of the services that apprise knows, by its URL."""

    send_resolved: bool = True
    url: SecretText | None = None
    url_file: str = ""
    title: str = ""
    message: str = ""

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        at_most_one(url=self.url, url_file=self.url_file)
        if not self.url and not self.url_file:
            raise ValueError("one of url or url_file must be configured")
        return self
