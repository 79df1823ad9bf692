"""Targets from a URL that answers with JSON.

Source: https://prometheus.io/docs/prometheus/latest/http_sd/
"""

from __future__ import annotations

import re
from functools import partial

from pydantic import TypeAdapter, ValidationError

from collector.config import ScrapeConfig
from collector.discovery_config import HttpSdConfig, StaticConfig
from collector.ingest.discovery.interface import Fail, Publish
from collector.ingest.discovery.refresh import Source, refresh
from collector.ingest.discovery.static import targets_of
from collector.ingest.http.client import ApiClient
from collector.ingest.limits import MAX_TARGET_FILE_BYTES
from collector.model.errors import InputError, UnavailableError
from collector.model.labels import Labels

TIMEOUT_SECONDS = 60.0
OK = 200

_GROUPS = TypeAdapter(list[StaticConfig])
_JSON = re.compile(r"application/json(;\s*charset=(\"utf-8\"|utf-8))?", re.IGNORECASE)


class HttpDiscovery:
    """Follows the URLs of `http_sd_configs`."""

    def __init__(self, config: ScrapeConfig) -> None:
        self._sections = config.http_sd_configs
        self._whose = f"http_sd_configs of job {config.job_name!r}"

    async def run(self, publish: Publish, fail: Fail) -> None:
        """Publish whenever an answer changes."""
        sources = [
            Source(
                partial(look_up, ApiClient(section, self._whose), section),
                section.refresh_interval,
            )
            for section in self._sections
        ]
        await refresh(sources, publish, fail)


async def look_up(client: ApiClient, section: HttpSdConfig) -> list[Labels]:
    """The targets that a URL tells, each with `__meta_url`.

    Raises UnavailableError when it gives no answer, InputError when that is no list of targets.
    """
    seconds = section.refresh_interval / 1000
    answer = await client.get(
        section.url,
        headers={
            "Accept": "application/json",
            "X-Prometheus-Refresh-Interval-Seconds": f"{seconds:g}",
        },
        timeout_seconds=TIMEOUT_SECONDS,
        limit_bytes=MAX_TARGET_FILE_BYTES,
    )
    if answer.status != OK:
        raise UnavailableError(f"{section.url} answered HTTP {answer.status}")
    if not _JSON.fullmatch(answer.content_type.strip()):
        raise InputError(
            f"{section.url} answers with the content type {answer.content_type!r}",
            advice="it must be application/json",
        )
    try:
        groups = _GROUPS.validate_json(answer.body or b"[]")
    except ValidationError as error:
        raise InputError(
            f"{section.url}: not a list of targets: {error}",
            advice='answer with [{"targets": ["host:port"], "labels": {…}}]',
        ) from error
    return [labels.merged({"__meta_url": section.url}) for labels in targets_of(groups)]
