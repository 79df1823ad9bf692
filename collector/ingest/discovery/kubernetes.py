"""Targets from the Kubernetes API: objects are listed, then watched, and made targets of.

`kubernetes_access` knows how the server is reached, `kubernetes_watch` keeps the objects,
`kubernetes_targets` makes labels of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from collector.config import ScrapeConfig
from collector.discovery_config import KubernetesSdConfig
from collector.ingest.discovery.interface import Fail, Publish
from collector.ingest.discovery.kubernetes_access import Access, access_of
from collector.ingest.discovery.kubernetes_labels import Cluster, Object
from collector.ingest.discovery.kubernetes_targets import targets_of
from collector.ingest.discovery.kubernetes_watch import KINDS, Kind, Watch
from collector.ingest.http.client import ApiClient
from collector.model.errors import TocsinError
from collector.model.labels import Labels

PUBLISH_EVERY_SECONDS = 1.0
"""Rollouts change objects by the hundred: targets are made anew at most so often."""
RETRY_SECONDS = 10.0
"""After a section that can't even find its server."""

_NEEDED = {
    "pod": ("pod",),
    "service": ("service",),
    "node": ("node",),
    "ingress": ("ingress",),
    "endpoints": ("endpoints", "service", "pod"),
    "endpointslice": ("endpointslice", "service", "pod"),
}
"""role -> kinds of object that its targets are made of."""


class KubernetesDiscovery:
    """Follows the clusters of `kubernetes_sd_configs`."""

    def __init__(self, config: ScrapeConfig) -> None:
        self._sections = config.kubernetes_sd_configs
        self._whose = f"kubernetes_sd_configs of job {config.job_name!r}"

    async def run(self, publish: Publish, fail: Fail) -> None:
        """Publish when a cluster's objects change; what can't be asked keeps its targets."""
        found: dict[int, Sequence[Labels]] = {}

        async def follow(number: int, section: KubernetesSdConfig) -> None:
            def take(targets: Sequence[Labels]) -> None:
                found[number] = targets
                publish([labels for key in sorted(found) for labels in found[key]])

            while True:
                try:
                    await self._follow(section, take, fail)
                except (TocsinError, OSError) as error:
                    fail(error)
                await asyncio.sleep(RETRY_SECONDS)

        async with asyncio.TaskGroup() as group:
            for number, section in enumerate(self._sections):
                group.create_task(follow(number, section))

    async def _follow(self, section: KubernetesSdConfig, take: Publish, fail: Fail) -> None:
        access = access_of(section)
        client = ApiClient(access.client, self._whose)
        changed = asyncio.Event()
        watches = [
            Watch(client, access.server, kind, path, _selector(section, kind), changed.set, fail)
            for kind in _kinds(section)
            for path in _paths(kind, section, access)
        ]
        async with asyncio.TaskGroup() as group:
            for watch in watches:
                group.create_task(watch.run())
            await self._publish(section, watches, changed, take)

    async def _publish(
        self,
        section: KubernetesSdConfig,
        watches: Sequence[Watch],
        changed: asyncio.Event,
        take: Publish,
    ) -> None:
        last: list[Labels] | None = None
        while True:
            await changed.wait()
            changed.clear()
            if not all(watch.is_listed for watch in watches):
                continue
            cluster = _cluster(watches)
            targets = await asyncio.to_thread(targets_of, section.role, cluster)
            if targets != last:
                last = targets
                take(targets)
            await asyncio.sleep(PUBLISH_EVERY_SECONDS)


def _kinds(section: KubernetesSdConfig) -> list[Kind]:
    roles = list(_NEEDED[section.role])
    if "pod" in roles and section.attach_metadata.node:
        roles.append("node")
    if section.attach_metadata.namespace and section.role != "node":
        roles.append("namespace")
    return [KINDS[role] for role in roles]


def _paths(kind: Kind, section: KubernetesSdConfig, access: Access) -> list[str]:
    """One path for each namespace that is looked into; one for all when none is named."""
    names = list(section.namespaces.names)
    if section.namespaces.own_namespace and access.namespace:
        names.append(access.namespace)
    if not names or not kind.is_namespaced:
        return [f"{kind.api}/{kind.plural}"]
    return [f"{kind.api}/namespaces/{name}/{kind.plural}" for name in dict.fromkeys(names)]


def _selector(section: KubernetesSdConfig, kind: Kind) -> dict[str, str]:
    for selector in section.selectors:
        if selector.role == kind.role:
            given = {"labelSelector": selector.label, "fieldSelector": selector.field}
            return {name: value for name, value in given.items() if value}
    return {}


def _cluster(watches: Sequence[Watch]) -> Cluster:
    objects: dict[str, list[Object]] = {}
    for watch in watches:
        objects.setdefault(watch.kind.role, []).extend(watch.objects())
    return Cluster(objects)
