"""Pydantic models of what a receiver may hold, under Alertmanager's own names.

Texts (title, description, ...) may be Go templates; which ones is said in each channel's file. One
that is not set leaves its place to tocsin's own layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from alerts.chat_config import (
    DiscordConfig,
    MattermostConfig,
    MsTeamsConfig,
    RocketChatConfig,
    TelegramConfig,
    WebexConfig,
)
from alerts.config_values import (
    GO_TEMPLATE,
    HiddenUrl,
    HostPort,
    HttpUrl,
    NotYet,
    PositiveMs,
    SecretText,
    SecretUrl,
    Section,
    Text,
    at_most_one,
)
from alerts.digest import DEFAULT_BUDGET
from alerts.http_config import HttpReceiver, TlsConfig
from alerts.pager_config import (
    AppriseConfig,
    IncidentioConfig,
    OpsgenieConfig,
    PushoverConfig,
    TwilioConfig,
    VictoropsConfig,
)

SLACK_POST_URL = "https://slack.com/api/chat.postMessage"
PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"


def _needs(place: str, given: Mapping[str, object], *names: str) -> None:
    missing = [name for name in names if not given.get(name)]
    if missing:
        raise ValueError(f"{place} has no {' and no '.join(missing)}")


class SlackConfig(HttpReceiver):
    """One entry of `slack_configs`: an incoming webhook (`api_url`) or a bot token (`app_token`).

    `send_resolved` is true here (Alertmanager: false): a red message that never turns green is the
    most common complaint. With a bot token the message is updated in place (`update_message`).
    """

    send_resolved: bool = True
    api_url: SecretUrl | None = None
    api_url_file: str = ""
    app_token: SecretText | None = None
    app_token_file: str = ""
    app_url: HttpUrl | None = None
    channel: str = ""
    username: str = ""
    icon_emoji: str = ""
    icon_url: str = ""
    update_message: bool = True
    post_updates_to_thread: bool = True
    link_names: bool = False
    color: str = ""
    title: str = ""
    title_link: str = ""
    pretext: str = ""
    text: str = ""
    message_text: str = ""
    fields: list[dict[str, Any]] = Field(default_factory=list)
    short_fields: bool = False
    footer: str = ""
    fallback: str = ""
    callback_id: str = ""
    image_url: str = ""
    thumb_url: str = ""
    mrkdwn_in: list[str] = Field(default_factory=list)
    actions: list[dict[str, Any]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _complete_fields_and_actions(self) -> Self:
        for i, field in enumerate(self.fields):
            _needs(f"fields[{i}]", field, "title", "value")
        for i, action in enumerate(self.actions):
            _needs(f"actions[{i}]", action, "type", "text")
            if not action.get("url") and not action.get("name"):
                raise ValueError(f"actions[{i}] has neither url nor name")
        return self

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        at_most_one(
            api_url=self.api_url,
            api_url_file=self.api_url_file,
            app_token=self.app_token,
            app_token_file=self.app_token_file,
        )
        if (self.app_token or self.app_token_file) and not self.channel:
            raise ValueError("a bot token needs the channel to post to")
        return self


class PagerdutyConfig(HttpReceiver):
    """One entry of `pagerduty_configs`: Events API v2 (`routing_key`)."""

    send_resolved: bool = True
    routing_key: SecretText | None = None
    routing_key_file: str = ""
    url: HttpUrl | None = None
    client: str = "tocsin"
    client_url: str = ""
    severity: str = ""
    source: str = ""
    component: str = ""
    group: str = ""
    class_: str = Field(default="", alias="class")
    description: str = ""
    details: dict[str, Any] = Field(default_factory=dict)
    images: list[dict[str, str]] = Field(default_factory=list)
    links: list[dict[str, str]] = Field(default_factory=list)
    change_events: bool = False
    service_key: NotYet = None
    service_key_file: NotYet = None

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        at_most_one(routing_key=self.routing_key, routing_key_file=self.routing_key_file)
        if not self.routing_key and not self.routing_key_file:
            raise ValueError("missing routing_key or routing_key_file")
        if self.change_events and self.routing_key and GO_TEMPLATE in self.routing_key.reveal():
            raise ValueError("change_events needs a routing_key that is no template")
        return self


class Threading(Section):
    """Whether mails of one group form a thread; tocsin's always do."""

    enabled: bool = True
    thread_by_date: Literal["none", "daily"] = "none"


class EmailConfig(Section):
    """One entry of `email_configs`; what is unset comes from `global.smtp_*`."""

    send_resolved: bool = True
    to: str = Field(min_length=1)
    from_: str = Field(default="", alias="from")
    hello: str = ""
    smarthost: HostPort | None = None
    auth_username: str = ""
    auth_password: SecretText | None = None
    auth_password_file: str = ""
    auth_identity: str = ""
    auth_secret: NotYet = None
    auth_secret_file: NotYet = None
    require_tls: bool | None = None
    force_implicit_tls: bool | None = None
    tls_config: TlsConfig | None = None
    headers: dict[str, Text] = Field(default_factory=dict)
    html: str | None = None
    text: str = ""
    threading: Threading = Threading()

    @field_validator("headers")
    @classmethod
    def _each_once(cls, headers: dict[str, str]) -> dict[str, str]:
        names = [name.lower() for name in headers]
        twice = [name for name in headers if names.count(name.lower()) > 1]
        if twice:
            raise ValueError(f"a header stands twice: {' and '.join(twice)}")
        return headers

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        at_most_one(auth_password=self.auth_password, auth_password_file=self.auth_password_file)
        return self


class WebhookConfig(HttpReceiver):
    """One entry of `webhook_configs`: Alertmanager's JSON, version 4."""

    send_resolved: bool = True
    url: HiddenUrl | None = None
    url_file: str = ""
    max_alerts: int = Field(default=0, ge=0)
    payload: Any = None
    hmac_secret: SecretText | None = None
    hmac_secret_file: str = ""

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        at_most_one(hmac_secret=self.hmac_secret, hmac_secret_file=self.hmac_secret_file)
        at_most_one(url=self.url, url_file=self.url_file)
        if not self.url and not self.url_file:
            raise ValueError("one of url or url_file must be configured")
        return self


class BudgetConfig(Section):
    """How many messages people get before the rest is told in digests; 0 messages: no limit."""

    messages: int = Field(default=DEFAULT_BUDGET.messages, ge=0)
    per: PositiveMs = DEFAULT_BUDGET.per_ms


class ReceiverConfig(Section):
    """One entry of `receivers`: a name and the places that hear of its alerts.

    `budget`, `fallback` and `fallback_after` are tocsin's own.
    """

    name: str = Field(min_length=1)
    budget: BudgetConfig = BudgetConfig()
    fallback: str = ""
    fallback_after: PositiveMs = 5 * 60_000
    labels: dict[str, Text] = Field(default_factory=dict)
    slack_configs: list[SlackConfig] = Field(default_factory=list)
    pagerduty_configs: list[PagerdutyConfig] = Field(default_factory=list)
    email_configs: list[EmailConfig] = Field(default_factory=list)
    webhook_configs: list[WebhookConfig] = Field(default_factory=list)
    discord_configs: list[DiscordConfig] = Field(default_factory=list)
    incidentio_configs: list[IncidentioConfig] = Field(default_factory=list)
    mattermost_configs: list[MattermostConfig] = Field(default_factory=list)
    msteamsv2_configs: list[MsTeamsConfig] = Field(default_factory=list)
    opsgenie_configs: list[OpsgenieConfig] = Field(default_factory=list)
    pushover_configs: list[PushoverConfig] = Field(default_factory=list)
    rocketchat_configs: list[RocketChatConfig] = Field(default_factory=list)
    telegram_configs: list[TelegramConfig] = Field(default_factory=list)
    twilio_configs: list[TwilioConfig] = Field(default_factory=list)
    victorops_configs: list[VictoropsConfig] = Field(default_factory=list)
    webex_configs: list[WebexConfig] = Field(default_factory=list)
    apprise_configs: list[AppriseConfig] = Field(default_factory=list)
    jira_configs: NotYet = None
    msteams_configs: NotYet = None
    sns_configs: NotYet = None
    wechat_configs: NotYet = None
