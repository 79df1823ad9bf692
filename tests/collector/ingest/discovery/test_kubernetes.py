import asyncio
import copy
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from collector.config import ScrapeConfig
from collector.ingest.discovery import kubernetes, kubernetes_watch
from collector.ingest.discovery.kubernetes import KubernetesDiscovery
from collector.model.labels import Labels
from tests.oracles.kubernetes_api import KubernetesApi

PODS = "/api/v1/pods"
META = "__meta_kubernetes_"
GOLDEN = Path(__file__).parents[3] / "golden" / "kubernetes"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[KubernetesApi]:
    monkeypatch.setattr(kubernetes, "PUBLISH_EVERY_SECONDS", 0.02)
    monkeypatch.setattr(kubernetes, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(kubernetes_watch, "RETRY_SECONDS", 0.05)
    with closing(KubernetesApi()) as made:
        yield made


class Followed:
    """What a discovery publishes and tells."""

    def __init__(self) -> None:
        self.found: list[Labels] = []
        self.published = 0
        self.told: list[str] = []

    def publish(self, targets: object) -> None:
        self.found = list(targets)  # type: ignore[call-overload]
        self.published += 1

    def addresses(self) -> set[str]:
        return {labels.get("__address__", "") for labels in self.found}

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(15):
            while not condition():
                await asyncio.sleep(0.01)


def follow(
    api: KubernetesApi,
    role: str,
    check: Callable[[Followed], Awaitable[None]] | None = None,
    **section: Any,
) -> Followed:
    config = ScrapeConfig.model_validate(
        {
            "job_name": "j",
            "kubernetes_sd_configs": [{"role": role, "api_server": api.url, **section}],
        }
    )
    followed = Followed()

    async def run() -> None:
        discovery = KubernetesDiscovery(config)
        task = asyncio.create_task(
            discovery.run(followed.publish, lambda error: followed.told.append(str(error)))
        )
        try:
            if check is None:
                await followed.until(lambda: followed.published)
            else:
                await check(followed)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    return followed


@pytest.mark.parametrize(
    ("role", "addresses"),
    [
        (
            "pod",
            {
                "10.0.0.5:8080", "10.0.0.5:9090", "10.0.0.5",
                "[2001:db8::7]:8080", "[2001:db8::7]:9090", "2001:db8::7",
            },
        ),
        ("node", {"192.0.2.10:10250"}),
        ("service", {"shop.shop.svc:80", "shop.shop.svc:53", "mirror.shop.svc:80",
                     "front.shop.svc:443"}),
        (
            "endpoints",
            {
                "10.0.0.5:8080", "10.0.0.5:9090", "10.9.9.9:8080",
                "[2001:db8::7]:8080", "[2001:db8::7]:9090",
            },
        ),
        ("endpointslice", {"10.0.0.5:8080", "10.0.0.5:9090", "10.9.9.9:8080"}),
        ("ingress", {"shop.example", "a.shop.example", "plain.example", ""}),
    ],
)  # fmt: skip
def test_each_role_has_its_targets(api: KubernetesApi, role: str, addresses: set[str]) -> None:
    followed = follow(api, role)
    assert followed.addresses() == addresses
    assert not followed.told


@pytest.mark.parametrize(
    "role", ["pod", "node", "service", "endpoints", "endpointslice", "ingress"]
)
def test_labels_of_a_role_are_the_golden_ones(api: KubernetesApi, role: str) -> None:
    """The names are those of Prometheus's documentation; review a change of them as such."""
    found = [dict(labels.pairs) for labels in follow(api, role).found]
    file = GOLDEN / f"{role}.json"
    if os.environ.get("TOCSIN_WRITE_GOLDEN"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(found, indent=1) + "\n")
    assert found == json.loads(file.read_text())


def test_lists_are_read_page_by_page(api: KubernetesApi) -> None:
    follow(api, "pod")
    pages = [params for path, params, _ in api.asked if path == PODS and "watch" not in params]
    assert [params.get("continue") for params in pages] == [None, "2"]


def test_changes_come_by_watching(api: KubernetesApi) -> None:
    async def check(followed: Followed) -> None:
        await followed.until(lambda: api.is_watched(PODS))
        pod = copy.deepcopy(api.lists[PODS]["items"][0])
        pod["metadata"]["name"], pod["status"]["podIP"] = "shop-new", "10.0.0.9"
        api.send(PODS, "ADDED", pod)
        await followed.until(lambda: "10.0.0.9:8080" in followed.addresses())
        moved = copy.deepcopy(pod)
        moved["status"]["podIP"] = "10.0.0.10"
        api.send(PODS, "MODIFIED", moved)
        await followed.until(lambda: "10.0.0.10:8080" in followed.addresses())
        assert "10.0.0.9:8080" not in followed.addresses()
        api.send(PODS, "DELETED", moved)
        await followed.until(lambda: "10.0.0.10:8080" not in followed.addresses())

    follow(api, "pod", check)


def test_a_watch_that_ends_goes_on_and_one_that_is_too_old_lists_again(api: KubernetesApi) -> None:
    async def check(followed: Followed) -> None:
        await followed.until(lambda: api.is_watched(PODS))
        api.send(PODS, "BOOKMARK", {"metadata": {"resourceVersion": "107"}})
        api.end_watches()
        await followed.until(lambda: api.is_watched(PODS))
        assert [params["resourceVersion"] for _, params, _ in api.asked if "watch" in params] == [
            "100",
            "107",
        ]
        api.lists[PODS]["items"] = api.lists[PODS]["items"][:1]
        api.send(PODS, "ERROR", {"kind": "Status", "code": 410})
        await followed.until(lambda: "[2001:db8::7]:8080" not in followed.addresses())

    followed = follow(api, "pod", check)
    assert not followed.told


def test_a_server_that_refuses_takes_no_target_away(api: KubernetesApi) -> None:
    async def check(followed: Followed) -> None:
        await followed.until(lambda: api.is_watched(PODS))
        before = followed.addresses()
        api.refuse = 403
        api.end_watches()
        await followed.until(lambda: followed.told)
        assert "HTTP 403" in followed.told[0]
        assert followed.addresses() == before

    follow(api, "pod", check)


def test_namespaces_and_selectors_stand_in_the_requests(api: KubernetesApi) -> None:
    follow(
        api,
        "pod",
        namespaces={"names": ["shop", "other"]},
        selectors=[{"role": "pod", "label": "app=shop", "field": "spec.nodeName=node-1"}],
        bearer_token="s3cret",
    )
    paths = {path for path, _, _ in api.asked}
    assert paths == {"/api/v1/namespaces/shop/pods", "/api/v1/namespaces/other/pods"}
    _, params, headers = api.asked[0]
    selector = (params["labelSelector"], params["fieldSelector"])
    assert selector == ("app=shop", "spec.nodeName=node-1")
    assert {name.lower(): value for name, value in headers.items()}["authorization"] == (
        "Bearer s3cret"
    )


def test_labels_of_nodes_and_namespaces_are_attached_where_asked_for(api: KubernetesApi) -> None:
    followed = follow(api, "pod", attach_metadata={"node": True, "namespace": True})
    labels = followed.found[0]
    assert labels[META + "node_label_topology_kubernetes_io_zone"] == "eu-1a"
    assert labels[META + "namespace_label_team"] == "store"
