"""Pydantic models of how an HTTP receiver is reached, under Alertmanager's own names."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from alerts.config_values import (
    DurationMs,
    HttpUrl,
    NotYet,
    SecretText,
    Section,
    at_most_one,
)


class BasicAuth(Section):
    """User and password of HTTP basic authentication."""

    username: str = ""
    password: SecretText | None = None
    password_file: str = ""
    username_file: NotYet = None

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        at_most_one(password=self.password, password_file=self.password_file)
        return self


class Authorization(Section):
    """The Authorization header: `type` and credentials."""

    type: str = "Bearer"
    credentials: SecretText | None = None
    credentials_file: str = ""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        at_most_one(credentials=self.credentials, credentials_file=self.credentials_file)
        return self


class TlsConfig(Section):
    """How the receiver's certificate is checked, and which one is shown to it."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    insecure_skip_verify: bool = False
    server_name: NotYet = None
    ca: NotYet = None
    cert: NotYet = None
    key: NotYet = None
    min_version: NotYet = None
    max_version: NotYet = None


class HttpConfig(Section):
    """How an HTTP receiver is reached: Alertmanager's `http_config`."""

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    bearer_token: SecretText | None = None
    bearer_token_file: str = ""
    tls_config: TlsConfig = TlsConfig()
    follow_redirects: bool = True
    proxy_url: HttpUrl | None = None
    enable_http2: bool = True
    oauth2: NotYet = None
    proxy_from_environment: bool = False
    no_proxy: NotYet = None
    proxy_connect_header: NotYet = None
    http_headers: NotYet = None

    @model_validator(mode="after")
    def _one_authentication(self) -> Self:
        at_most_one(
            basic_auth=self.basic_auth,
            authorization=self.authorization,
            bearer_token=self.bearer_token,
            bearer_token_file=self.bearer_token_file,
        )
        return self


class HttpReceiver(Section):
    """What every receiver has that is reached over HTTP."""

    http_config: HttpConfig | None = None
    timeout: DurationMs = Field(default=0, ge=0)
