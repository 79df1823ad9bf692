"""Pydantic models of an HTTP client: credentials, TLS, proxy, headers, as Prometheus names them.

The same block stands in scrape sections, in service discovery and wherever else tocsin is a client.
"""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic import model_validator as validate_model

from collector.config_values import SecretText, Section, at_most_one

TlsVersion = Literal["TLS10", "TLS11", "TLS12", "TLS13"]
PROXY_SCHEMES = ("http", "https")


class BasicAuth(Section):
    """User and password of HTTP basic authentication; the password inline or in a file."""

    username: str = ""
    username_file: str = ""
    password: SecretText | None = None
    password_file: str = ""

    @validate_model(mode="after")
    def _one_of_each(self) -> Self:
        at_most_one(username=self.username, username_file=self.username_file)
        at_most_one(password=self.password, password_file=self.password_file)
        return self


class Authorization(Section):
    """The Authorization header: `type` and credentials, inline or in a file."""

    type: str = "Bearer"
    credentials: SecretText | None = None
    credentials_file: str = ""

    @validate_model(mode="after")
    def _one_source(self) -> Self:
        at_most_one(credentials=self.credentials, credentials_file=self.credentials_file)
        return self

    @field_validator("type")
    @classmethod
    def _not_basic(cls, kind: str) -> str:
        if kind.strip().lower() == "basic":
            raise ValueError("write basic_auth for HTTP basic authentication")
        return kind


class HttpHeader(Section):
    """Values of one header that is sent with every request."""

    values: tuple[str, ...] = ()
    secrets: tuple[SecretText, ...] = ()
    files: tuple[str, ...] = ()


class TlsConfig(Section):
    """How a server's certificate is checked, and which one is shown to it; PEM, inline or files."""

    ca: str = ""
    ca_file: str = ""
    cert: str = ""
    cert_file: str = ""
    key: SecretText | None = None
    key_file: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: TlsVersion | None = None
    max_version: TlsVersion | None = None

    @validate_model(mode="after")
    def _certificate_with_its_key(self) -> Self:
        at_most_one(ca=self.ca, ca_file=self.ca_file)
        at_most_one(cert=self.cert, cert_file=self.cert_file)
        at_most_one(key=self.key, key_file=self.key_file)
        if bool(self.cert or self.cert_file) != bool(self.key or self.key_file):
            raise ValueError("a client certificate needs both cert and key (or their files)")
        if self.min_version and self.max_version and self.min_version > self.max_version:
            raise ValueError("min_version must not be above max_version")
        return self


class ProxyConfig(Section):
    """Through which proxy requests go: one that is named, or the environment's."""

    proxy_url: str = ""
    proxy_from_environment: bool = False
    no_proxy: str = ""
    proxy_connect_header: dict[str, tuple[SecretText, ...]] = Field(default_factory=dict)

    @field_validator("proxy_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if url and (urlsplit(url).scheme not in PROXY_SCHEMES or not urlsplit(url).hostname):
            raise ValueError("not an http or https URL with a host")
        return url

    @validate_model(mode="after")
    def _one_kind_of_proxy(self) -> Self:
        at_most_one(
            proxy_url=self.proxy_url,
            proxy_from_environment=self.proxy_from_environment,
        )
        if self.no_proxy and not self.proxy_url:
            raise ValueError("no_proxy needs proxy_url")
        if self.proxy_connect_header and not (self.proxy_url or self.proxy_from_environment):
            raise ValueError("proxy_connect_header needs a proxy")
        return self


class OAuth2(ProxyConfig):
    """Client credentials that are exchanged for a token (RFC 6749, section 4.4)."""

    client_id: str = Field(min_length=1)
    client_secret: SecretText | None = None
    client_secret_file: str = ""
    scopes: tuple[str, ...] = ()
    token_url: str
    endpoint_params: dict[str, str] = Field(default_factory=dict)
    tls_config: TlsConfig = TlsConfig()

    @validate_model(mode="after")
    def _one_secret(self) -> Self:
        at_most_one(client_secret=self.client_secret, client_secret_file=self.client_secret_file)
        return self


class HttpClientConfig(ProxyConfig):
    """Everything about a client that does not depend on what it asks for."""

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    oauth2: OAuth2 | None = None
    bearer_token: SecretText | None = None
    bearer_token_file: str = ""
    http_headers: dict[str, HttpHeader] = Field(default_factory=dict)
    tls_config: TlsConfig = TlsConfig()
    follow_redirects: bool = True
    enable_http2: bool = True

    @validate_model(mode="after")
    def _one_authentication(self) -> Self:
        at_most_one(
            basic_auth=self.basic_auth,
            authorization=self.authorization,
            oauth2=self.oauth2,
            bearer_token=self.bearer_token,
            bearer_token_file=self.bearer_token_file,
        )
        return self

    @field_validator("http_headers")
    @classmethod
    def _are_not_ours(cls, headers: dict[str, HttpHeader]) -> dict[str, HttpHeader]:
        for name in headers:
            if name.lower() in RESERVED_HEADERS:
                raise ValueError(f"the header {name!r} is set by tocsin itself")
        return headers


RESERVED_HEADERS = frozenset(
    (
        "authorization", "host", "content-encoding", "content-length", "content-type",
        "user-agent", "connection", "keep-alive", "proxy-authenticate", "proxy-authorization",
        "www-authenticate", "accept-encoding", "x-prometheus-remote-write-version",
        "x-prometheus-remote-read-version", "x-prometheus-scrape-timeout-seconds",
        "x-amz-date", "x-amz-security-token", "x-amz-content-sha256",
    )
)  # fmt: skip
"""Headers that Prometheus refuses in `http_headers`."""
