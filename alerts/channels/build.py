"""An entry of a receiver + the defaults in `global` -> its channel.

Here alone the two meet, so that a channel is given what it needs and nothing else.
"""

from __future__ import annotations

from alerts.channels import email, pagerduty, slack, webhook
from alerts.channels.email import IMPLICIT_TLS_PORT, EmailChannel, EmailSettings, is_address
from alerts.channels.pagerduty import PagerdutyChannel
from alerts.channels.slack import SlackAddress, SlackChannel
from alerts.channels.webhook import WebhookChannel
from alerts.config import AlertmanagerGlobal
from alerts.config_values import GO_TEMPLATE
from alerts.http_config import TlsConfig
from alerts.receivers_config import (
    EmailConfig,
    PagerdutyConfig,
    SlackConfig,
    WebhookConfig,
)
from alerts.secret_source import SecretSource
from alerts.template import EntryTemplates, TemplateBook
from collector.model.clock import Clock
from collector.model.errors import InputError
from collector.model.secrets import Secret


def build_slack(
    config: SlackConfig, global_: AlertmanagerGlobal, clock: Clock, book: TemplateBook
) -> SlackChannel:
    """With `app_token` a bot, with `api_url` a webhook; else what `global` says."""
    own_url = SecretSource(config.api_url, config.api_url_file)
    own_token = SecretSource(config.app_token, config.app_token_file)
    url, token = own_url, own_token
    if not own_url and not own_token:
        url = SecretSource(global_.slack_api_url, global_.slack_api_url_file)
        token = SecretSource(global_.slack_app_token, global_.slack_app_token_file)
    if token:
        url = SecretSource(Secret(config.app_url or global_.slack_app_url))
        if not config.channel:
            raise InputError("a bot token needs the channel to post to", advice="add channel")
    if not url:
        raise InputError(
            "no Slack API URL is set", advice="add api_url here, or slack_api_url in global"
        )
    defaults = {"http_config": config.http_config or global_.http_config}
    texts = EntryTemplates(config.model_copy(update=defaults), slack.TEXTS, book)
    return SlackChannel(texts, SlackAddress(url, token, hears_buttons(global_)), clock)


def hears_buttons(global_: AlertmanagerGlobal) -> bool:
    """Whether a press in Slack reaches tocsin: over its socket, or as a signed request."""
    return bool(
        global_.slack_socket_token
        or global_.slack_socket_token_file
        or global_.slack_signing_secret
        or global_.slack_signing_secret_file
    )


def build_pagerduty(
    config: PagerdutyConfig, global_: AlertmanagerGlobal, clock: Clock, book: TemplateBook
) -> PagerdutyChannel:
    """Events API v2 at `url`, or at `global.pagerduty_url`."""
    defaults = {"http_config": config.http_config or global_.http_config}
    url = config.url or global_.pagerduty_url
    texts = EntryTemplates(config.model_copy(update=defaults), pagerduty.TEXTS, book)
    return PagerdutyChannel(texts, url, clock)


def build_webhook(
    config: WebhookConfig, global_: AlertmanagerGlobal, clock: Clock, book: TemplateBook
) -> WebhookChannel:
    """Alertmanager's JSON to `url`."""
    defaults = {"http_config": config.http_config or global_.http_config}
    texts = EntryTemplates(config.model_copy(update=defaults), webhook.TEXTS, book)
    return WebhookChannel(texts, clock)


def build_email(
    config: EmailConfig, global_: AlertmanagerGlobal, _: Clock, book: TemplateBook
) -> EmailChannel:
    """Mail through `smarthost`, or `global.smtp_smarthost`."""
    smarthost = config.smarthost or global_.smtp_smarthost
    if not smarthost:
        raise InputError("no smarthost is set", advice="add smarthost, or global.smtp_smarthost")
    sender = config.from_ or global_.smtp_from
    if GO_TEMPLATE not in sender and not is_address(sender):
        raise InputError("no valid sender is set", advice="add from, or global.smtp_from")
    host, _colon, port = smarthost.rpartition(":")
    password = SecretSource(config.auth_password, config.auth_password_file) or SecretSource(
        global_.smtp_auth_password, global_.smtp_auth_password_file
    )
    require_tls = config.require_tls
    implicit = config.force_implicit_tls
    if implicit is None:
        implicit = global_.smtp_force_implicit_tls
    texts = EntryTemplates(config.model_copy(update={"from_": sender}), email.TEXTS, book)
    return EmailChannel(
        EmailSettings(
            to=config.to,
            sender=sender,
            host=host.strip("[]"),
            port=int(port),
            hello=config.hello or global_.smtp_hello,
            username=config.auth_username or global_.smtp_auth_username,
            password=password,
            require_tls=global_.smtp_require_tls if require_tls is None else require_tls,
            implicit_tls=int(port) == IMPLICIT_TLS_PORT if implicit is None else implicit,
            tls=config.tls_config or global_.smtp_tls_config or TlsConfig(),
            headers=config.headers,
        ),
        texts,
    )
