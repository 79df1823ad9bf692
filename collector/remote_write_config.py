"""Pydantic models of `remote_write`: where samples are sent on to, under Prometheus's names."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, field_validator

from collector.config import RelabelConfig
from collector.config_values import DurationMs, NotYet, Section
from collector.http_config import HttpClientConfig

SECOND_MS = 1000
_RESERVED_HEADERS = {
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "x-prometheus-remote-write-version",
}


class QueueConfig(Section):
    """How much is sent at once, and how a failed request is tried again."""

    capacity: int = Field(default=10_000, gt=0)
    min_shards: int = Field(default=1, gt=0)
    max_shards: int = Field(default=50, gt=0)
    max_samples_per_send: int = Field(default=2_000, gt=0)
    batch_send_deadline: DurationMs = 5 * SECOND_MS
    min_backoff: DurationMs = Field(default=30, gt=0)
    max_backoff: DurationMs = Field(default=5 * SECOND_MS, gt=0)
    retry_on_http_429: bool = True
    sample_age_limit: DurationMs = 0


class MetadataConfig(Section):
    """Whether and how often type, help and unit are sent with remote write 1.0."""

    send: bool = True
    send_interval: DurationMs = Field(default=60 * SECOND_MS, gt=0)
    max_samples_per_send: int = Field(default=2_000, gt=0)


class RemoteWriteConfig(HttpClientConfig):
    """One entry of `remote_write`."""

    url: str
    name: str = ""
    remote_timeout: DurationMs = Field(default=30 * SECOND_MS, gt=0)
    headers: dict[str, Annotated[str, BeforeValidator(str)]] = Field(default_factory=dict)
    write_relabel_configs: tuple[RelabelConfig, ...] = ()
    protobuf_message: Literal["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] = (
        "prometheus.WriteRequest"
    )
    send_exemplars: bool = False
    send_native_histograms: bool = False
    queue_config: QueueConfig = QueueConfig()
    metadata_config: MetadataConfig = MetadataConfig()
    enable_http2: bool = True
    round_robin_dns: NotYet = None
    sigv4: NotYet = None
    azuread: NotYet = None
    google_iam: NotYet = None

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError("not an http or https URL with a host")
        return url

    @field_validator("headers")
    @classmethod
    def _leave_tocsins_headers_alone(cls, headers: dict[str, str]) -> dict[str, str]:
        for name in headers:
            if name.lower() in _RESERVED_HEADERS:
                raise ValueError(f"{name} is set by tocsin; see basic_auth and authorization")
        return headers
