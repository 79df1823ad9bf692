"""Pydantic models of the sections `query` (limits) and `store` (another server that is asked)."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from collector.config_values import DurationMs, Section, SizeBytes
from collector.http_config import HttpClientConfig

MINUTE_MS = 60_000


class QueryConfig(Section):
    """Section `query`: Prometheus's flags `--query.*`, and the cache of range queries."""

    timeout: DurationMs = Field(default=2 * MINUTE_MS, gt=0)
    max_concurrency: int = Field(default=20, gt=0)
    max_samples: int = Field(default=50_000_000, gt=0)
    lookback_delta: DurationMs = Field(default=5 * MINUTE_MS, gt=0)
    range_cache_size: SizeBytes = 64 << 20
    slow_query_threshold: DurationMs = Field(default=10_000, ge=0)


def _base_url(text: str) -> str:
    if text and not (text.startswith(("http://", "https://")) and urlsplit(text).hostname):
        raise ValueError("not an http or https URL with a host, like https://prometheus:9090")
    return text


class StoreConfig(HttpClientConfig):
    """Section `store`: with `remote`, queries go to that server and not to the embedded store."""

    remote: Annotated[str, AfterValidator(_base_url)] = ""
    timeout: DurationMs = Field(default=2 * MINUTE_MS, gt=0)
