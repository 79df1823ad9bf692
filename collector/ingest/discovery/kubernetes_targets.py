"""Kubernetes objects to targets with Prometheus's meta labels. Pure.

Source:
https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from collector.ingest.discovery.kubernetes_endpoints import endpoint_targets, slice_targets
from collector.ingest.discovery.kubernetes_labels import (
    META,
    Cluster,
    Found,
    Object,
    address,
    container_labels,
    containers,
    metadata_labels,
    object_labels,
    pod_labels,
    sanitized,
    service_labels,
)
from collector.model.labels import Labels

ADDRESS_ORDER = (
    "InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname",
)  # fmt: skip
"""Which of a node's addresses is asked."""


def targets_of(role: str, cluster: Cluster) -> list[Labels]:
    """All targets of a role, in the order of the objects."""
    return [Labels(found) for found in _ROLES[role](cluster)]


def _nodes(cluster: Cluster) -> Iterator[Found]:
    for node in cluster.objects("node"):
        status, name = node.get("status") or {}, node["metadata"]["name"]
        addresses: dict[str, str] = {}
        for one in status.get("addresses") or ():
            addresses.setdefault(one["type"], one["address"])
        host = next((addresses[kind] for kind in ADDRESS_ORDER if kind in addresses), None)
        if host is None:
            continue
        endpoint = (status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}
        found = {
            "__address__": address(host, endpoint.get("Port") or 0),
            "instance": name,
            META + "node_name": name,
            META + "node_provider_id": (node.get("spec") or {}).get("providerID", ""),
            **metadata_labels("node", node),
        }
        for kind, text in addresses.items():
            found[f"{META}node_address_{sanitized(kind)}"] = text
        yield found


def _services(cluster: Cluster) -> Iterator[Found]:
    for service in cluster.objects("service"):
        metadata, spec = service["metadata"], service.get("spec") or {}
        common = {**object_labels(service, cluster), **service_labels(service)}
        kind = spec.get("type", "ClusterIP")
        common[META + "service_type"] = kind
        if kind == "ExternalName":
            common[META + "service_external_name"] = spec.get("externalName", "")
        else:
            common[META + "service_cluster_ip"] = spec.get("clusterIP", "")
        if kind == "LoadBalancer":
            common[META + "service_loadbalancer_ip"] = spec.get("loadBalancerIP", "")
        host = f"{metadata['name']}.{metadata['namespace']}.svc"
        for port in spec.get("ports") or ():
            yield {
                **common,
                "__address__": address(host, port["port"]),
                META + "service_port_name": port.get("name", ""),
                META + "service_port_number": str(port["port"]),
                META + "service_port_protocol": port.get("protocol", "TCP"),
            }


def _pods(cluster: Cluster) -> Iterator[Found]:
    for pod in cluster.objects("pod"):
        ip = (pod.get("status") or {}).get("podIP")
        if not ip:
            continue
        common = {**object_labels(pod, cluster), **pod_labels(pod), **cluster.node_of(pod)}
        for container, is_init in containers(pod):
            told = {**common, **container_labels(pod, container, is_init=is_init)}
            ports = container.get("ports") or ()
            if not ports:
                yield {**told, "__address__": ip}
            for port in ports:
                yield {
                    **told,
                    "__address__": address(ip, port["containerPort"]),
                    META + "pod_container_port_name": port.get("name", ""),
                    META + "pod_container_port_number": str(port["containerPort"]),
                    META + "pod_container_port_protocol": port.get("protocol", "TCP"),
                }


def _ingresses(cluster: Cluster) -> Iterator[Found]:
    for ingress in cluster.objects("ingress"):
        spec = ingress.get("spec") or {}
        common = {
            **object_labels(ingress, cluster),
            META + "ingress_name": ingress["metadata"]["name"],
            META + "ingress_class_name": spec.get("ingressClassName") or "",
            **metadata_labels("ingress", ingress),
        }
        secured = [host for tls in spec.get("tls") or () for host in tls.get("hosts") or ()]
        for rule in spec.get("rules") or ():
            # a rule for every host gives a target without an address, which relabelling may set
            host = rule.get("host") or ""
            scheme = "https" if any(_covers(pattern, host) for pattern in secured) else "http"
            for path in _paths(rule):
                yield {
                    **common,
                    "__address__": host,
                    META + "ingress_scheme": scheme,
                    META + "ingress_host": host,
                    META + "ingress_path": path,
                }


def _paths(rule: Object) -> list[str]:
    http = rule.get("http")
    if http is None:
        return ["/"]
    return [one.get("path") or "/" for one in http.get("paths") or ()]


def _covers(pattern: str, host: str) -> bool:
    """Whether a TLS host, maybe `*.example.org`, is that of a rule."""
    if pattern == host:
        return True
    wild, *wanted = pattern.split(".")
    return wild == "*" and host.split(".")[1:] == wanted


_ROLES: Mapping[str, Callable[[Cluster], Iterator[Found]]] = {
    "node": _nodes,
    "service": _services,
    "pod": _pods,
    "ingress": _ingresses,
    "endpoints": endpoint_targets,
    "endpointslice": slice_targets,
}
