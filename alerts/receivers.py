"""A checked configuration to its integrations: each entry of each receiver, with its channel."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.channels import CHANNELS
from alerts.channels.interface import Channel
from alerts.config import AlertmanagerGlobal, AlertsConfig
from alerts.dispatch import Place
from collector.model.clock import Clock
from collector.model.errors import ConfigError, InputError, Where


@dataclass(frozen=True, slots=True)
class Integration:
    """One entry of a receiver: `key` such as `team-x/slack[0]`, its kind and its channel."""

    key: str
    receiver: str
    kind: str
    send_resolved: bool
    channel: Channel

    @property
    def place(self) -> Place:
        """What deciding needs to know."""
        return Place(self.key, self.receiver, self.send_resolved)


def build_integrations(
    config: AlertsConfig, global_: AlertmanagerGlobal, clock: Clock
) -> list[Integration]:
    """Every integration; raises ConfigError, with the field, for one that lacks something."""
    built = []
    for i, receiver in enumerate(config.receivers):
        for kind, build in CHANNELS.items():
            for j, entry in enumerate(getattr(receiver, f"{kind}_configs")):
                field = f"receivers[{i}].{kind}_configs[{j}]"
                try:
                    channel = build(entry, global_, clock)
                except (InputError, OSError) as error:
                    message = error.message if isinstance(error, InputError) else str(error)
                    advice = error.advice if isinstance(error, InputError) else ""
                    raise ConfigError(message, where=Where(field=field), advice=advice) from error
                key = f"{receiver.name}/{kind}[{j}]"
                built.append(Integration(key, receiver.name, kind, entry.send_resolved, channel))
    return built
