"""A checked configuration to its integrations: each entry of each receiver, with its channel."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.channels import CHANNELS
from alerts.channels.interface import Channel
from alerts.config import AlertmanagerGlobal, AlertsConfig
from alerts.digest import FOR_PEOPLE, Budget
from alerts.dispatch import Place
from alerts.receivers_config import ReceiverConfig
from alerts.template import TemplateBook, default_book
from collector.config_errors import ManyConfigErrors
from collector.model.clock import Clock
from collector.model.errors import ConfigError, InputError, Where


@dataclass(frozen=True, slots=True)
class Integration:
    """One entry of a receiver: `key` such as `team-x/slack[0]`, its kind and its channel.

    `fallback` names the receiver that steps in when this one failed for `fallback_after_ms`.
    """

    key: str
    receiver: str
    kind: str
    send_resolved: bool
    channel: Channel
    budget: Budget | None = None
    fallback: str = ""
    fallback_after_ms: int = 0

    @property
    def place(self) -> Place:
        """What deciding needs to know."""
        return Place(self.key, self.receiver, self.send_resolved, self.channel.takes_changes)


def build_integrations(
    config: AlertsConfig,
    global_: AlertmanagerGlobal,
    clock: Clock,
    book: TemplateBook | None = None,
) -> list[Integration]:
    """Every integration, its texts calling the templates of `book` (None: the default ones).

    Raises ManyConfigErrors, each with its field, for entries that lack something or whose
    templates are wrong.
    """
    built, errors, templates = [], list[ConfigError](), book or default_book()
    for i, receiver in enumerate(config.receivers):
        for kind, build in CHANNELS.items():
            for j, entry in enumerate(getattr(receiver, f"{kind}_configs")):
                field = f"receivers[{i}].{kind}_configs[{j}]"
                try:
                    channel = build(entry, global_, clock, templates)
                except (InputError, OSError) as error:
                    errors.append(_named(error, field))
                    continue
                key = f"{receiver.name}/{kind}[{j}]"
                built.append(
                    Integration(
                        key,
                        receiver.name,
                        kind,
                        entry.send_resolved,
                        channel,
                        _budget(receiver, kind),
                        receiver.fallback,
                        receiver.fallback_after,
                    )
                )
    if errors:
        for one in built:
            one.channel.close()
        raise ManyConfigErrors(errors)
    return built


def _budget(receiver: ReceiverConfig, kind: str) -> Budget | None:
    if kind not in FOR_PEOPLE or not receiver.budget.messages:
        return None
    return Budget(receiver.budget.messages, receiver.budget.per)


def _named(error: InputError | OSError, field: str) -> ConfigError:
    if isinstance(error, OSError):
        return ConfigError(str(error), where=Where(field=field))
    inner = f".{error.where.field}" if error.where.field else ""
    return ConfigError(error.message, where=Where(field=field + inner), advice=error.advice)
