"""Pydantic models of service discovery: one `…_sd_configs` entry each, as Prometheus has them."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, field_validator
from pydantic import model_validator as validate_model

from collector.config_values import DurationMs, Section
from collector.http_config import HttpClientConfig

MINUTE_MS = 60_000

KubernetesRole = Literal["endpoints", "endpointslice", "ingress", "node", "pod", "service"]


Named = TypeVar("Named", tuple[str, ...], dict[str, str])


class StaticConfig(Section):
    """Targets that are written down, with the labels that they share."""

    targets: tuple[str, ...] = ()
    labels: dict[str, Annotated[str, BeforeValidator(str)]] = Field(default_factory=dict)

    @field_validator("targets", "labels")
    @classmethod
    def _have_names(cls, found: Named) -> Named:
        if "" in found:
            raise ValueError("an empty text is no target and no label name")
        return found


class FileSdConfig(Section):
    """Files with targets, JSON or YAML; patterns as the shell has them."""

    files: tuple[str, ...]
    refresh_interval: DurationMs = 5 * MINUTE_MS

    @field_validator("files")
    @classmethod
    def _have_known_endings(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        for file in files:
            if not file.endswith((".json", ".yml", ".yaml")):
                raise ValueError(f"{file!r} must end in .json, .yml or .yaml")
        return files


class HttpSdConfig(HttpClientConfig):
    """A URL that answers with targets as JSON."""

    url: str
    refresh_interval: DurationMs = Field(default=MINUTE_MS, gt=0)

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} must begin with http:// or https://")
        return url


class DnsSdConfig(Section):
    """Names that are looked up again and again; each record is a target."""

    names: tuple[str, ...] = Field(min_length=1)
    type: Annotated[
        Literal["A", "AAAA", "MX", "NS", "SRV"], BeforeValidator(lambda text: str(text).upper())
    ] = "SRV"
    port: int | None = Field(default=None, gt=0, lt=65_536)
    refresh_interval: DurationMs = Field(default=30_000, gt=0)

    @validate_model(mode="after")
    def _knows_the_port(self) -> Self:
        if self.type != "SRV" and self.port is None:
            raise ValueError(f"records of type {self.type} have no port: set port")
        return self


class KubernetesNamespaces(Section):
    """In which namespaces objects are looked for; all of them by default."""

    own_namespace: bool = False
    names: tuple[str, ...] = ()


class KubernetesSelector(Section):
    """Lets the API server send only some objects of a kind."""

    role: KubernetesRole
    label: str = ""
    field: str = ""


class KubernetesMetadata(Section):
    """What of other objects is put beside a target's own labels."""

    node: bool = False
    namespace: bool = False


ROLES_OF_SELECTORS = {
    "pod": {"pod", "node"},
    "service": {"service"},
    "endpoints": {"endpoints", "pod", "service", "node"},
    "endpointslice": {"endpointslice", "pod", "service", "node"},
    "node": {"node"},
    "ingress": {"ingress"},
}
"""role -> the kinds of object that a selector may be given for."""


class KubernetesSdConfig(HttpClientConfig):
    """Objects of a Kubernetes cluster, listed and then watched."""

    role: KubernetesRole
    api_server: str = ""
    kubeconfig_file: str = ""
    namespaces: KubernetesNamespaces = KubernetesNamespaces()
    selectors: tuple[KubernetesSelector, ...] = ()
    attach_metadata: KubernetesMetadata = KubernetesMetadata()

    @validate_model(mode="after")
    def _one_way_to_the_server(self) -> Self:
        if self.api_server and self.kubeconfig_file:
            raise ValueError("give only one of api_server, kubeconfig_file")
        if not self.api_server and self.has_client_settings():
            raise ValueError("to use credentials, TLS or a proxy of your own, give api_server too")
        return self

    @validate_model(mode="after")
    def _selectors_fit_the_role(self) -> Self:
        roles = [selector.role for selector in self.selectors]
        for role in roles:
            if role not in ROLES_OF_SELECTORS[self.role]:
                fitting = ", ".join(sorted(ROLES_OF_SELECTORS[self.role]))
                raise ValueError(f"role {self.role} takes selectors of {fitting}, not of {role}")
        if len(set(roles)) < len(roles):
            raise ValueError("give each role one selector")
        return self

    def has_client_settings(self) -> bool:
        """Whether anything of the HTTP client is written here."""
        return bool(self.model_fields_set & set(HttpClientConfig.model_fields))
