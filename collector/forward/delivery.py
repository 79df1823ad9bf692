"""One POST of a request, and what its answer means: taken, try again, or never. No retry here."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from collector.ingest.formats.remote_write import Version
from collector.ingest.formats.remote_write_encoder import CONTENT_TYPES, VERSION_HEADERS
from collector.ingest.http.credentials import Credentials
from collector.ingest.http.proxy import proxy_for
from collector.ingest.http.tls import TlsContexts
from collector.model.clock import Clock
from collector.model.errors import TocsinError
from collector.remote_write_config import RemoteWriteConfig

USER_AGENT = "tocsin"
MAX_TOLD_CHARACTERS = 300
"""Of an answer's text in a log line."""
MAX_RETRY_AFTER_SECONDS = 600.0
"""An endpoint that asks for more is asked again after this: nobody means to wait for a day."""
WRITTEN_HEADER = "x-prometheus-remote-write-samples-written"

_TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request; `code` is the HTTP status, 0 when there was no answer."""

    code: int
    text: str = ""
    retry_after_seconds: float = 0.0
    tells_what_was_written: bool = False

    @property
    def is_taken(self) -> bool:
        """The endpoint has it."""
        return 200 <= self.code < 300

    def is_worth_another_try(self, *, on_429: bool) -> bool:
        """No answer and 5xx may pass by; any other refusal will be the same again."""
        return self.code == 0 or self.code >= 500 or (self.code == _TOO_MANY_REQUESTS and on_429)


class Delivery(Protocol):
    """Takes whole requests."""

    async def post(self, body: bytes) -> Answer:
        """Send one request; never raises for what the network or the endpoint does."""
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...


class HttpDelivery:
    """Posts to the URL of one section."""

    def __init__(self, config: RemoteWriteConfig, version: Version, clock: Clock) -> None:
        """Raises ConfigError when its certificates are no use."""
        self._config = config
        self._clock = clock
        self._tls = TlsContexts(config.tls_config, f"remote_write {endpoint_name(config)}")
        self._credentials = Credentials(config, clock)
        self._headers = {
            "Content-Type": CONTENT_TYPES[version],
            "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": VERSION_HEADERS[version],
            "User-Agent": USER_AGENT,
            **config.headers,
        }
        self._client: httpx.AsyncClient | None = None
        self._context: ssl.SSLContext | None = None

    async def post(self, body: bytes) -> Answer:
        """See `Delivery.post`."""
        try:
            headers = {**self._headers, **await self._credentials.headers()}
            client = await self._connected()
            answer = await client.post(self._config.url, content=body, headers=headers)
        except (httpx.HTTPError, OSError, TocsinError) as error:
            return Answer(0, str(error) or type(error).__name__)
        text = answer.text[:MAX_TOLD_CHARACTERS].strip() if answer.content else ""
        wait = retry_after_seconds(answer.headers, self._clock.now_ms())
        return Answer(answer.status_code, text, wait, WRITTEN_HEADER in answer.headers)

    async def _connected(self) -> httpx.AsyncClient:
        context = self._tls.current()
        if self._client is None or context is not self._context:
            await self.close()
            self._context = context
            self._client = httpx.AsyncClient(
                verify=context,
                timeout=self._config.remote_timeout / 1000,
                proxy=self._proxy(),
                trust_env=False,
                follow_redirects=self._config.follow_redirects,
                limits=httpx.Limits(max_connections=self._config.queue_config.max_shards),
            )
        return self._client

    def _proxy(self) -> httpx.Proxy | None:
        found = proxy_for(self._config, urlsplit(self._config.url), os.environ)
        if found is None:
            return None
        headers = {name: value.reveal() for name, value in found.connect_headers}
        if found.authorization is not None:
            headers["Proxy-Authorization"] = found.authorization.reveal()
        return httpx.Proxy(found.url, headers=headers)

    async def close(self) -> None:
        """See `Delivery.close`."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def endpoint_name(config: RemoteWriteConfig) -> str:
    """How logs and metrics call an endpoint: its name, else its URL without credentials."""
    parts = urlsplit(config.url)
    return config.name or f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def retry_after_seconds(headers: Mapping[str, str], now_ms: int) -> float:
    """The header Retry-After, as seconds or as a date (RFC 9110, section 10.2.3); 0 without it."""
    told = headers.get("retry-after", "").strip()
    if told.isdecimal():
        return min(float(told), MAX_RETRY_AFTER_SECONDS)
    try:
        until = parsedate_to_datetime(told).timestamp()
    except (TypeError, ValueError):
        return 0.0
    return min(max(0.0, until - now_ms / 1000), MAX_RETRY_AFTER_SECONDS)
