"""Through which proxy a URL is asked, decided as Go's httpproxy decides for Prometheus. Pure.

Source: https://pkg.go.dev/golang.org/x/net/http/httpproxy
"""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from collector.http_config import ProxyConfig
from collector.model.secrets import Secret

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a proxy is, and what it is told beside the request."""

    scheme: str
    host: str
    port: int
    authorization: Secret | None = None
    connect_headers: tuple[tuple[str, Secret], ...] = ()

    @property
    def url(self) -> str:
        """Without credentials."""
        return f"{self.scheme}://{self.host}:{self.port}"


def proxy_for(
    config: ProxyConfig, url: SplitResult, environment: Mapping[str, str]
) -> Proxy | None:
    """The proxy of a URL, None when it is asked directly."""
    if config.proxy_from_environment:
        named = _variable(environment, f"{url.scheme}_proxy")
        spared = _variable(environment, "no_proxy")
        asked = bool(named) and _uses_proxy(url, spared)
    else:
        named, spared = config.proxy_url, config.no_proxy
        asked = bool(named) and (not spared or _uses_proxy(url, spared))
    return _proxy(config, named) if asked else None


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name.upper()) or environment.get(name, "")


def _proxy(config: ProxyConfig, named: str) -> Proxy:
    parts = urlsplit(named if "://" in named else f"http://{named}")
    user = parts.username
    authorization = None
    if user is not None:
        pair = f"{unquote(user)}:{unquote(parts.password or '')}"
        authorization = Secret(f"Basic {b64encode(pair.encode()).decode()}")
    told = tuple(
        (name, value) for name, given in config.proxy_connect_header.items() for value in given
    )
    port = parts.port or DEFAULT_PORTS.get(parts.scheme, 80)
    return Proxy(parts.scheme, parts.hostname or "", port, authorization, told)


def _uses_proxy(url: SplitResult, no_proxy: str) -> bool:
    """Neither this machine nor anything that `no_proxy` names."""
    host = (url.hostname or "").rstrip(".").lower()
    port = url.port or DEFAULT_PORTS.get(url.scheme, 0)
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return False
    entries = (entry.strip().lower() for entry in no_proxy.split(","))
    return not any(_spares(entry, host, port, address) for entry in entries if entry)


def _spares(entry: str, host: str, port: int, address: _Address | None) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return address is not None and address in _network(entry)
    name, wanted_port = _host_and_port(entry)
    if wanted_port and wanted_port != port:
        return False
    if _address(name) is not None:
        return address == _address(name)
    suffix = name.removeprefix("*")
    if suffix.startswith("."):
        return host.endswith(suffix)
    return host == suffix or host.endswith(f".{suffix}")


def _host_and_port(entry: str) -> tuple[str, int]:
    if _address(entry) is not None:
        return entry, 0
    name, colon, port = entry.rpartition(":")
    if colon and port.isdecimal():
        return name.strip("[]"), int(port)
    return entry.strip("[]"), 0


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | tuple[()]:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return ()
