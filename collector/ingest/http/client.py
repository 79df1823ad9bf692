"""`ApiClient`: asks an API under an `HttpClientConfig`; bodies are bounded, streams are lines."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from collector.http_config import HttpClientConfig
from collector.ingest.http.credentials import Credentials
from collector.ingest.http.oauth2 import httpx_proxy
from collector.ingest.http.proxy import proxy_for
from collector.ingest.http.tls import TlsContexts
from collector.model.clock import Clock
from collector.model.errors import LimitError, UnavailableError

USER_AGENT = "tocsin"
CONNECT_SECONDS = 10.0
MAX_LINE_BYTES = 16 * 1024 * 1024
"""One line of a stream: an object of Kubernetes is at most 1.5 MB."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, its body unpacked."""

    status: int
    content_type: str
    body: bytes


class ApiClient:
    """Asks servers; makes its connections anew when certificates change."""

    def __init__(self, config: HttpClientConfig, whose: str, clock: Clock | None = None) -> None:
        """`whose` names the section in errors; raises ConfigError for certificates of no use."""
        self._config = config
        self._tls = TlsContexts(config.tls_config, whose)
        self._credentials = Credentials(config, clock)

    async def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float,
        limit_bytes: int,
    ) -> Answer:
        """The answer, whatever its status.

        Raises UnavailableError when there is none, LimitError when it is longer than the limit.
        """
        async with self._opened(url, params, headers, timeout_seconds) as response:
            parts, size = [], 0
            async for part in response.aiter_bytes():
                size += len(part)
                if size > limit_bytes:
                    raise LimitError(
                        f"{url} answers with more than {limit_bytes:,} bytes",
                        advice="let it tell fewer targets",
                    )
                parts.append(part)
            kind = response.headers.get("content-type", "")
            return Answer(response.status_code, kind, b"".join(parts))

    @asynccontextmanager
    async def lines(
        self, url: str, *, params: Mapping[str, str], timeout_seconds: float
    ) -> AsyncIterator[tuple[int, AsyncIterator[str]]]:
        """Status and lines of an answer that goes on; raises UnavailableError."""
        async with self._opened(url, params, None, timeout_seconds) as response:
            yield response.status_code, _bounded(response.aiter_lines(), url)

    @asynccontextmanager
    async def _opened(
        self,
        url: str,
        params: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        timeout_seconds: float,
    ) -> AsyncIterator[httpx.Response]:
        told = {"User-Agent": USER_AGENT, **(headers or {}), **await self._credentials.headers()}
        server_name = self._config.tls_config.server_name
        extensions = {"sni_hostname": server_name} if server_name else {}
        try:
            async with (
                self._client(url, timeout_seconds) as client,
                client.stream(
                    "GET", url, params=params, headers=told, extensions=extensions
                ) as response,
            ):
                yield response
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnavailableError(
                f"{url} gives no answer: {str(error) or type(error).__name__}",
                advice="check the address, the credentials and the network between",
            ) from error

    def _client(self, url: str, timeout_seconds: float) -> httpx.AsyncClient:
        proxy = proxy_for(self._config, urlsplit(url), os.environ)
        return httpx.AsyncClient(
            verify=self._tls.current(),
            proxy=httpx_proxy(proxy.url, proxy.authorization) if proxy else None,
            timeout=httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
            follow_redirects=self._config.follow_redirects,
            trust_env=False,
        )


async def _bounded(lines: AsyncIterator[str], url: str) -> AsyncIterator[str]:
    async for line in lines:
        if len(line) > MAX_LINE_BYTES:
            raise LimitError(f"{url} sends a line of {len(line):,} characters")
        yield line
