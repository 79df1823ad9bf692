"""Pydantic models of receivers in chats, under Alertmanager's own names.

Texts may be Go templates; one that is not set leaves its place to tocsin's own layout.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from alerts.config_values import HttpUrl, SecretText, SecretUrl, Text, at_most_one
from alerts.http_config import HttpReceiver


class _WebhookReceiver(HttpReceiver):
    webhook_url: SecretUrl | None = None
    webhook_url_file: str = ""

    @model_validator(mode="after")
    def _one_webhook(self) -> Self:
        at_most_one(webhook_url=self.webhook_url, webhook_url_file=self.webhook_url_file)
        return self

    def _needs_webhook(self) -> None:
        if not self.webhook_url and not self.webhook_url_file:
            raise ValueError("one of webhook_url or webhook_url_file must be configured")


class DiscordConfig(_WebhookReceiver):
    """One entry of `discord_configs`: a webhook of a channel."""

    send_resolved: bool = True
    title: str = ""
    message: str = ""
    content: str = ""
    username: str = ""
    avatar_url: str = ""

    @model_validator(mode="after")
    def _has_webhook(self) -> Self:
        self._needs_webhook()
        return self


class MsTeamsConfig(_WebhookReceiver):
    """One entry of `msteamsv2_configs`: the webhook of a workflow, which takes adaptive cards."""

    send_resolved: bool = True
    title: str = ""
    text: str = ""

    @model_validator(mode="after")
    def _has_webhook(self) -> Self:
        self._needs_webhook()
        return self


class MattermostConfig(_WebhookReceiver):
    """One entry of `mattermost_configs`: an incoming webhook."""

    send_resolved: bool = True
    channel: str = ""
    username: str = ""
    icon_url: str = ""
    icon_emoji: str = ""
    text: str = ""
    fallback: str = ""
    color: str = ""
    pretext: str = ""
    author_name: str = ""
    author_link: str = ""
    author_icon: str = ""
    title: str = ""
    title_link: str = ""
    fields: list[dict[str, Any]] = Field(default_factory=list)
    thumb_url: str = ""
    image_url: str = ""
    footer: str = ""
    footer_icon: str = ""
    attachments: list[dict[str, Any]] = Field(default_factory=list)
    type: str = ""
    props: dict[str, Any] | None = None
    priority: dict[str, Any] | None = None


class TelegramConfig(HttpReceiver):
    """One entry of `telegram_configs`: a bot that writes to a chat."""

    send_resolved: bool = True
    api_url: HttpUrl | None = None
    bot_token: SecretText | None = None
    bot_token_file: str = ""
    chat_id: int = 0
    chat_id_file: str = ""
    message_thread_id: int = 0
    message: str = ""
    disable_notifications: bool = False
    parse_mode: Literal["MarkdownV2", "Markdown", "HTML", ""] = "HTML"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        at_most_one(bot_token=self.bot_token, bot_token_file=self.bot_token_file)
        at_most_one(chat_id=self.chat_id, chat_id_file=self.chat_id_file)
        if not self.chat_id and not self.chat_id_file:
            raise ValueError("missing chat_id or chat_id_file")
        return self


class WebexConfig(HttpReceiver):
    """One entry of `webex_configs`: a bot, whose token is `http_config.authorization`."""

    send_resolved: bool = True
    api_url: HttpUrl | None = None
    room_id: str = Field(min_length=1)
    message: str = ""

    @model_validator(mode="after")
    def _has_token(self) -> Self:
        if self.http_config is None or self.http_config.authorization is None:
            raise ValueError("missing http_config.authorization, the bot's token")
        return self


class RocketChatConfig(HttpReceiver):
    """One entry of `rocketchat_configs`: a user's personal access token."""

    send_resolved: bool = True
    api_url: HttpUrl | None = None
    channel: str = ""
    token: SecretText | None = None
    token_file: str = ""
    token_id: SecretText | None = None
    token_id_file: str = ""
    color: str = ""
    emoji: str = ""
    icon_url: str = ""
    text: str = ""
    title: str = ""
    title_link: Text = Field(default="", alias="titleLink")
    fields: list[dict[str, Any]] = Field(default_factory=list)
    short_fields: bool = False
    image_url: str = ""
    thumb_url: str = ""
    link_names: bool = False
    actions: list[dict[str, Any]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        at_most_one(token=self.token, token_file=self.token_file)
        at_most_one(token_id=self.token_id, token_id_file=self.token_id_file)
        return self
