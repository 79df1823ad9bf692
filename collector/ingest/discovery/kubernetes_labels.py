"""Meta labels that targets of several roles share, and the objects that they come from. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

META = "__meta_kubernetes_"
CONDITIONS = {"True": "true", "False": "false"}

Object = Mapping[str, Any]
"""An object of the API as JSON has it."""
Found = dict[str, str]
"""Labels of one target."""


class Cluster:
    """The objects that are known, by role."""

    def __init__(self, objects: Mapping[str, Sequence[Object]]) -> None:
        self._objects = objects
        self._by_name = {role: {_key(one): one for one in found} for role, found in objects.items()}

    def objects(self, role: str) -> Sequence[Object]:
        """All objects of a role."""
        return self._objects.get(role, ())

    def find(self, role: str, namespace: str, name: str) -> Object | None:
        """One object, None when it is not there."""
        return self._by_name.get(role, {}).get((namespace, name))

    def node_of(self, pod: Object) -> Found:
        """Labels of the node that a pod runs on, where they are asked for."""
        return self.node_labels((pod.get("spec") or {}).get("nodeName", ""))

    def node_labels(self, name: str) -> Found:
        """Name and labels of a node, where they are asked for; no annotations, as in Prometheus."""
        node = self.find("node", "", name)
        if node is None:
            return {}
        labels = {"metadata": {"labels": node["metadata"].get("labels")}}
        return {META + "node_name": name, **metadata_labels("node", labels)}


def _key(one: Object) -> tuple[str, str]:
    metadata = one["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def sanitized(name: str) -> str:
    """A name as part of a label name."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


def address(host: str, port: int | str) -> str:
    """host:port, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def metadata_labels(role: str, one: Object) -> Found:
    """Labels and annotations of an object, and that they are there."""
    found = {}
    for kind in ("label", "annotation"):
        for name, value in (one["metadata"].get(f"{kind}s") or {}).items():
            found[f"{META}{role}_{kind}_{sanitized(name)}"] = str(value)
            found[f"{META}{role}_{kind}present_{sanitized(name)}"] = "true"
    return found


def object_labels(one: Object, cluster: Cluster) -> Found:
    """The namespace of an object, with that namespace's own labels where they are asked for."""
    name = one["metadata"].get("namespace", "")
    namespace = cluster.find("namespace", "", name)
    told = {} if namespace is None else metadata_labels("namespace", namespace)
    return {META + "namespace": name, **told}


def service_labels(service: Object) -> Found:
    """What a service lends to its targets."""
    return {
        META + "service_name": service["metadata"]["name"],
        **metadata_labels("service", service),
    }


def pod_labels(pod: Object) -> Found:
    """What a pod says of all its containers."""
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    found = {
        META + "pod_name": metadata["name"],
        META + "pod_ip": status.get("podIP", ""),
        META + "pod_ready": _ready(status),
        META + "pod_phase": status.get("phase", ""),
        META + "pod_node_name": spec.get("nodeName", ""),
        META + "pod_host_ip": status.get("hostIP", ""),
        META + "pod_uid": metadata.get("uid", ""),
        **metadata_labels("pod", pod),
    }
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            found[META + "pod_controller_kind"] = owner.get("kind", "")
            found[META + "pod_controller_name"] = owner.get("name", "")
    return found


def _ready(status: Mapping[str, Any]) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Ready":
            return CONDITIONS.get(condition.get("status", ""), "unknown")
    return "unknown"


def containers(pod: Object) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """(container, whether it is an init container)."""
    spec = pod.get("spec") or {}
    for container in spec.get("containers") or ():
        yield container, False
    for container in spec.get("initContainers") or ():
        yield container, True


def container_labels(pod: Object, container: Mapping[str, Any], *, is_init: bool) -> Found:
    """What a container says of itself."""
    status = pod.get("status") or {}
    states = status.get("initContainerStatuses" if is_init else "containerStatuses") or ()
    ids = (one.get("containerID", "") for one in states if one.get("name") == container["name"])
    return {
        META + "pod_container_name": container["name"],
        META + "pod_container_id": next(ids, ""),
        META + "pod_container_image": container.get("image", ""),
        META + "pod_container_init": "true" if is_init else "false",
    }
