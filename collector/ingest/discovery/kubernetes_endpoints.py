"""Targets of the roles `endpoints` and `endpointslice`: addresses behind a service. Pure.

An address that is a pod's has the pod's labels; container ports of such pods that no endpoint
names are targets too, as in Prometheus.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collector.ingest.discovery.kubernetes_labels import (
    META,
    Cluster,
    Found,
    Object,
    address,
    containers,
    metadata_labels,
    object_labels,
    pod_labels,
    sanitized,
    service_labels,
)

SERVICE_OF_SLICE = "kubernetes.io/service-name"
"""The label by which a slice names its service."""


class _Pods:
    """The pods that one object's endpoints named, and which of their ports."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._seen: dict[str, tuple[Object, set[int]]] = {}

    def labels(self, reference: Mapping[str, Any], port: int | None) -> Found:
        """Labels of the pod that an endpoint refers to, and of its container with that port."""
        if reference.get("kind") != "Pod":
            return {}
        namespace = reference.get("namespace") or self._namespace
        pod = self._cluster.find("pod", namespace, reference.get("name", ""))
        if pod is None:
            return {}
        key = f"{namespace}/{reference.get('name')}"
        _, ports = self._seen.setdefault(key, (pod, set()))
        found = pod_labels(pod)
        # of a container the first such port, of containers the last one
        for container, is_init in containers(pod):
            for its_port in container.get("ports") or ():
                if its_port["containerPort"] == port:
                    ports.add(its_port["containerPort"])
                    found.update(_port_labels(container, its_port, is_init=is_init))
                    break
        return found

    def uncovered(self) -> Iterator[Found]:
        """A target for each container port of these pods that no endpoint named."""
        for pod, named in self._seen.values():
            ip = (pod.get("status") or {}).get("podIP")
            if not ip:
                continue
            for container, port, is_init in _container_ports(pod):
                if port["containerPort"] not in named:
                    yield {
                        "__address__": address(ip, port["containerPort"]),
                        **_port_labels(container, port, is_init=is_init),
                        **pod_labels(pod),
                        **self._cluster.node_of(pod),
                    }


def _container_ports(pod: Object) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], bool]]:
    for container, is_init in containers(pod):
        for port in container.get("ports") or ():
            yield container, port, is_init


def _port_labels(container: Mapping[str, Any], port: Mapping[str, Any], *, is_init: bool) -> Found:
    return {
        META + "pod_container_name": container["name"],
        META + "pod_container_init": "true" if is_init else "false",
        META + "pod_container_image": container.get("image", ""),
        META + "pod_container_port_name": port.get("name", ""),
        META + "pod_container_port_number": str(port["containerPort"]),
        META + "pod_container_port_protocol": port.get("protocol", "TCP"),
    }


def endpoint_targets(cluster: Cluster) -> Iterator[Found]:
    """Targets of Endpoints objects."""
    for one in cluster.objects("endpoints"):
        metadata = one["metadata"]
        common = {
            **object_labels(one, cluster),
            META + "endpoints_name": metadata["name"],
            **metadata_labels("endpoints", one),
            **_service(cluster, metadata["namespace"], metadata["name"]),
        }
        pods = _Pods(cluster, metadata["namespace"])
        for subset in one.get("subsets") or ():
            for port in subset.get("ports") or ():
                for ready, key in (("true", "addresses"), ("false", "notReadyAddresses")):
                    for place in subset.get(key) or ():
                        yield {**common, **_endpoint(cluster, pods, place, port, ready)}
        for found in pods.uncovered():
            yield {**common, **found}


def _endpoint(
    cluster: Cluster, pods: _Pods, place: Mapping[str, Any], port: Mapping[str, Any], ready: str
) -> Found:
    protocol, reference = port.get("protocol", "TCP"), place.get("targetRef") or {}
    node = place.get("nodeName") or ""
    return {
        "__address__": address(place["ip"], port["port"]),
        META + "endpoint_port_name": port.get("name", ""),
        META + "endpoint_port_protocol": protocol,
        META + "endpoint_ready": ready,
        META + "endpoint_address_target_kind": reference.get("kind", ""),
        META + "endpoint_address_target_name": reference.get("name", ""),
        META + "endpoint_node_name": node,
        META + "endpoint_hostname": place.get("hostname") or "",
        **cluster.node_labels(node or _node_meant(reference)),
        **pods.labels(reference, port["port"]),
    }


def slice_targets(cluster: Cluster) -> Iterator[Found]:
    """Targets of EndpointSlice objects."""
    for one in cluster.objects("endpointslice"):
        metadata = one["metadata"]
        service = (metadata.get("labels") or {}).get(SERVICE_OF_SLICE, "")
        common = {
            **object_labels(one, cluster),
            META + "endpointslice_name": metadata["name"],
            META + "endpointslice_address_type": one.get("addressType", ""),
            **metadata_labels("endpointslice", one),
            **_service(cluster, metadata["namespace"], service),
        }
        pods = _Pods(cluster, metadata["namespace"])
        for port in one.get("ports") or ():
            for endpoint in one.get("endpoints") or ():
                for host in endpoint.get("addresses") or ():
                    yield {**common, **_slice_endpoint(cluster, pods, endpoint, host, port)}
        for found in pods.uncovered():
            yield {**common, **found}


def _slice_endpoint(
    cluster: Cluster,
    pods: _Pods,
    endpoint: Mapping[str, Any],
    host: str,
    port: Mapping[str, Any],
) -> Found:
    number, protocol = port.get("port"), port.get("protocol", "TCP")
    reference, node = endpoint.get("targetRef") or {}, endpoint.get("nodeName") or ""
    found = {
        "__address__": host if number is None else address(host, number),
        META + "endpointslice_port": "" if number is None else str(number),
        META + "endpointslice_port_name": port.get("name") or "",
        META + "endpointslice_port_protocol": protocol,
        META + "endpointslice_port_app_protocol": port.get("appProtocol") or "",
        META + "endpointslice_address_target_kind": reference.get("kind", ""),
        META + "endpointslice_address_target_name": reference.get("name", ""),
        META + "endpointslice_endpoint_hostname": endpoint.get("hostname") or "",
        META + "endpointslice_endpoint_node_name": node,
        META + "endpointslice_endpoint_zone": endpoint.get("zone") or "",
    }
    for name, value in (endpoint.get("conditions") or {}).items():
        if value is not None:
            found[f"{META}endpointslice_endpoint_conditions_{name}"] = str(bool(value)).lower()
    for name, value in (endpoint.get("deprecatedTopology") or {}).items():
        found[f"{META}endpointslice_endpoint_topology_{sanitized(name)}"] = str(value)
        found[f"{META}endpointslice_endpoint_topology_present_{sanitized(name)}"] = "true"
    its_node = cluster.node_labels(_node_meant(reference) or node)
    return {**found, **its_node, **pods.labels(reference, number)}


def _node_meant(reference: Mapping[str, Any]) -> str:
    """The name of the node that an endpoint itself is."""
    return str(reference.get("name", "")) if reference.get("kind") == "Node" else ""


def _service(cluster: Cluster, namespace: str, name: str) -> Found:
    service = cluster.find("service", namespace, name)
    return {} if service is None else service_labels(service)
