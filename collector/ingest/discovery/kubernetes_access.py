"""How a Kubernetes API server is reached: as configured, by a kubeconfig, or from inside a pod."""

from __future__ import annotations

import os
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from collector.discovery_config import KubernetesSdConfig
from collector.http_config import HttpClientConfig
from collector.model.errors import ConfigError, Where

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes puts a pod's token, authority and namespace."""
MAX_KUBECONFIG_BYTES = 1024 * 1024
"""More is no kubeconfig."""


@dataclass(frozen=True, slots=True)
class Access:
    """The server's URL, the client for it, and the namespace that tocsin itself is in, or ""."""

    server: str
    client: HttpClientConfig
    namespace: str


def access_of(
    section: KubernetesSdConfig,
    environment: Mapping[str, str] | None = None,
    account: Path = SERVICE_ACCOUNT,
) -> Access:
    """Raises ConfigError when neither section, kubeconfig nor pod say where the server is."""
    namespace = _text(account / "namespace")
    if section.kubeconfig_file:
        return _by_kubeconfig(Path(section.kubeconfig_file), namespace)
    if section.api_server:
        return Access(section.api_server.rstrip("/"), section, namespace)
    environment = os.environ if environment is None else environment
    host = environment.get("KUBERNETES_SERVICE_HOST")
    port = environment.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (account / "token").exists():
        raise ConfigError(
            "tocsin does not run in a Kubernetes pod with a service account",
            advice="set api_server or kubeconfig_file in kubernetes_sd_configs",
        )
    host = f"[{host}]" if ":" in host else host
    client = HttpClientConfig.model_validate(
        {
            "bearer_token_file": str(account / "token"),
            "tls_config": {"ca_file": str(account / "ca.crt")},
        }
    )
    return Access(f"https://{host}:{port}", client, namespace)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _by_kubeconfig(file: Path, namespace: str) -> Access:
    """By its current context (kubernetes.io/docs/reference/config-api/kubeconfig.v1)."""
    where = Where(str(file))
    try:
        text = file.read_text(encoding="utf-8")
        if len(text) > MAX_KUBECONFIG_BYTES:
            raise ConfigError(f"larger than {MAX_KUBECONFIG_BYTES:,} bytes", where=where)
        document = yaml.safe_load(text)
        context = _named(document, "contexts", document["current-context"], "context")
        cluster = _named(document, "clusters", context["cluster"], "cluster")
        user = _named(document, "users", context["user"], "user") if "user" in context else {}
        client = HttpClientConfig.model_validate(_client(cluster, user, file.parent))
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, ValidationError) as error:
        raise ConfigError(
            f"not a usable kubeconfig: {type(error).__name__}",
            where=where,
            advice="it needs current-context with its cluster and user",
        ) from error
    if "exec" in user or "auth-provider" in user:
        raise ConfigError(
            "the user logs in by a program", where=where, advice="use a token or a certificate"
        )
    return Access(str(cluster["server"]).rstrip("/"), client, context.get("namespace", namespace))


def _named(document: Any, kind: str, name: str, inner: str) -> dict[str, Any]:
    for entry in document[kind]:
        if entry["name"] == name:
            found: dict[str, Any] = entry[inner]
            return found
    raise KeyError(name)


def _client(cluster: dict[str, Any], user: dict[str, Any], folder: Path) -> dict[str, Any]:
    tls: dict[str, Any] = {
        **_pem("ca", cluster, "certificate-authority", folder),
        **_pem("cert", user, "client-certificate", folder),
        **_pem("key", user, "client-key", folder),
        "server_name": cluster.get("tls-server-name", ""),
        "insecure_skip_verify": bool(cluster.get("insecure-skip-tls-verify", False)),
    }
    client: dict[str, Any] = {"tls_config": tls, "proxy_url": cluster.get("proxy-url", "")}
    if "tokenFile" in user:
        client["bearer_token_file"] = str(folder / user["tokenFile"])
    elif "token" in user:
        client["bearer_token"] = user["token"]
    elif "username" in user:
        password = user.get("password", "")
        client["basic_auth"] = {"username": user["username"], "password": password}
    return client


def _pem(field: str, given: dict[str, Any], name: str, folder: Path) -> dict[str, str]:
    """Inline data wins over a file, as for kubectl."""
    if f"{name}-data" in given:
        return {field: b64decode(given[f"{name}-data"]).decode()}
    return {f"{field}_file": str(folder / given[name])} if name in given else {}
