"""An entry of a receiver that is written to by simple requests + `global` -> its channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alerts.channels import (
    apprise,
    discord,
    incidentio,
    mattermost,
    msteamsv2,
    opsgenie,
    pushover,
    rocketchat,
    telegram,
    twilio,
    victorops,
    webex,
)
from alerts.channels.apprise import AppriseChannel
from alerts.channels.interface import Channel
from alerts.channels.posted import PostedChannel
from alerts.config import AlertmanagerGlobal
from alerts.http_config import HttpReceiver
from alerts.pager_config import AppriseConfig
from alerts.template import EntryTemplates, TemplateBook
from collector.model.clock import Clock
from collector.model.errors import InputError, Where

Build = Callable[[Any, AlertmanagerGlobal, Clock, TemplateBook], Channel]


def posted(module: Any, *pairs: str, **urls: str) -> Build:
    """How entries of a module's kind become channels.

    `pairs` name secrets that stand in the entry or in its file, and else in `global` under the
    kind's name before it; `urls` name fields whose default is a field of `global`.
    """

    def build(
        entry: HttpReceiver, global_: AlertmanagerGlobal, clock: Clock, book: TemplateBook
    ) -> Channel:
        update: dict[str, object] = {"http_config": entry.http_config or global_.http_config}
        for name in pairs:
            update.update(_secret(entry, global_, name, module.POSTING.kind))
        for field, default in urls.items():
            update[field] = getattr(entry, field) or getattr(global_, default)
        texts = EntryTemplates(entry.model_copy(update=update), module.TEXTS, book)
        return PostedChannel(module.POSTING, texts, clock)

    return build


def _secret(
    entry: HttpReceiver, global_: AlertmanagerGlobal, name: str, kind: str
) -> dict[str, object]:
    file = f"{name}_file"
    if getattr(entry, name) or getattr(entry, file):
        return {}
    wide = f"{kind}_{name}"
    found = {name: getattr(global_, wide), file: getattr(global_, f"{wide}_file")}
    if not any(found.values()):
        raise InputError(
            f"no {name} is set", where=Where(field=name), advice=f"add {name}, or global.{wide}"
        )
    return found


def build_apprise(
    entry: AppriseConfig, _: AlertmanagerGlobal, _clock: Clock, book: TemplateBook
) -> Channel:
    """Any service of apprise's."""
    return AppriseChannel(EntryTemplates(entry, apprise.TEXTS, book))


build_discord = posted(discord)
build_incidentio = posted(incidentio)
build_mattermost = posted(mattermost, "webhook_url")
build_msteamsv2 = posted(msteamsv2)
build_opsgenie = posted(opsgenie, "api_key", api_url="opsgenie_api_url")
build_pushover = posted(pushover)
build_rocketchat = posted(rocketchat, "token", "token_id", api_url="rocketchat_api_url")
build_telegram = posted(telegram, "bot_token", api_url="telegram_api_url")
build_twilio = posted(twilio)
build_victorops = posted(victorops, "api_key", api_url="victorops_api_url")
build_webex = posted(webex, api_url="webex_api_url")
