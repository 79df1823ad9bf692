"""Targets written in the configuration."""

from __future__ import annotations

from collections.abc import Iterable

from collector.config import ScrapeConfig
from collector.discovery_config import StaticConfig
from collector.ingest.discovery.interface import Fail, Publish
from collector.model.labels import Labels


class StaticDiscovery:
    """Says once what the configuration says."""

    def __init__(self, config: ScrapeConfig) -> None:
        self._targets = targets_of(config.static_configs)

    async def run(self, publish: Publish, _: Fail) -> None:
        """Publish the targets and return."""
        publish(self._targets)


def targets_of(groups: Iterable[StaticConfig]) -> list[Labels]:
    """One label set per target of the groups."""
    return [
        Labels({**group.labels, "__address__": address})
        for group in groups
        for address in group.targets
    ]
