"""One HTTP GET with deadline, size limit and content negotiation."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

import h11

from collector.config import ScrapeConfig
from collector.ingest.http.credentials import Credentials
from collector.ingest.http.proxy import DEFAULT_PORTS, proxy_for
from collector.ingest.http.tls import TlsContexts
from collector.ingest.inflate import BodyReader
from collector.ingest.scrape.answer_reader import Head
from collector.ingest.scrape.http_connection import HttpConnection, Way
from collector.model.errors import InputError, UnavailableError

USER_AGENT = "tocsin"
MAX_REDIRECTS = 5
REDIRECTS = (301, 302, 303, 307, 308)
OK = 200


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body, unpacked, and what its sender says it is."""

    body: bytes
    content_type: str


class Fetcher:
    """Asks one target; keeps the connection open between scrapes."""

    def __init__(
        self,
        config: ScrapeConfig,
        tls: TlsContexts,
        url: str,
        credentials: Credentials | None = None,
    ) -> None:
        self._config = config
        self._tls = tls
        self._url = urlsplit(url)
        self._accept = config.formats().accept()
        self._credentials = credentials or Credentials(config)
        self._connection: HttpConnection | None = None
        self._asked: tuple[SplitResult, float, Mapping[str, str]] | None = None
        self._request: tuple[str, list[tuple[str, str]]] = ("/", [])

    def _connected(self, url: SplitResult) -> HttpConnection:
        try:
            proxy = proxy_for(self._config, url, os.environ)
            return HttpConnection(url, Way(self._tls, self._config.tls_config.server_name, proxy))
        except (ValueError, KeyError) as error:
            raise UnavailableError(
                f"{url.scheme}://{url.netloc} can't be asked: {error}",
                advice="relabel_configs must leave http or https in __scheme__ and host:port in"
                " __address__, an IPv6 address in brackets",
            ) from error

    async def get(self, timeout_seconds: float) -> Fetched:
        """The target's answer.

        Raises UnavailableError when it can't be had, InputError or LimitError when it can't be
        used. Credentials do not follow a redirect to another host.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._get(timeout_seconds)
        except TimeoutError as error:
            raise UnavailableError(
                f"no whole answer within scrape_timeout of {timeout_seconds:g} s",
                advice="see why the target is slow, or raise scrape_timeout",
            ) from error
        except (OSError, h11.ProtocolError) as error:
            raise UnavailableError(
                f"can't reach the target: {str(error) or type(error).__name__}",
                advice="check that it runs, its address and the network between",
            ) from error

    async def _get(self, timeout_seconds: float) -> Fetched:
        credentials = await self._credentials.headers()
        url = self._url
        self._connection = self._connection or self._connected(url)
        answer = await self._ask(self._connection, url, credentials, timeout_seconds)
        for _ in range(MAX_REDIRECTS):
            if answer.location is None:
                return answer.fetched(url)
            url = self._redirected(url, answer.location)
            if url.netloc != self._url.netloc:
                credentials = {}
            elsewhere = self._connected(url)
            try:
                answer = await self._ask(elsewhere, url, credentials, timeout_seconds)
            finally:
                elsewhere.close()
        raise InputError(f"more than {MAX_REDIRECTS} redirects", advice="mend the target")

    def _redirected(self, url: SplitResult, location: str) -> SplitResult:
        try:
            found = urlsplit(urljoin(url.geturl(), location))
            if found.scheme in DEFAULT_PORTS and found.hostname:
                return found
        except ValueError as error:
            raise InputError(f"redirected to {location!r}: {error}", advice="mend it") from error
        raise InputError(f"redirected to {location!r}", advice="mend the target")

    async def _ask(
        self,
        connection: HttpConnection,
        url: SplitResult,
        credentials: Mapping[str, str],
        timeout_seconds: float,
    ) -> _Answer:
        asked = (url, timeout_seconds, credentials)
        if self._asked != asked:
            self._asked, self._request = asked, self._request_for(*asked)
        reader: BodyReader | None = None

        def begin(head: Head) -> Callable[[bytes], None]:
            nonlocal reader
            reader = self._reader(head.headers.get("content-encoding", ""))
            return reader.feed

        head = await connection.get(*self._request, begin)
        redirected = self._config.follow_redirects and head.status in REDIRECTS
        return _Answer(head, reader, head.headers.get("location") if redirected else None)

    def _request_for(
        self, url: SplitResult, timeout_seconds: float, credentials: Mapping[str, str]
    ) -> tuple[str, list[tuple[str, str]]]:
        """Path with query, and headers."""
        headers = {
            "Host": url.netloc.rpartition("@")[2],
            "Accept": self._accept,
            "Accept-Encoding": "gzip" if self._config.enable_compression else "identity",
            "User-Agent": USER_AGENT,
            "X-Prometheus-Scrape-Timeout-Seconds": f"{timeout_seconds:g}",
            **credentials,
        }
        target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        return target, list(headers.items())

    def _reader(self, content_encoding: str) -> BodyReader:
        encoding = content_encoding.strip().lower()
        if encoding not in ("", "identity", "gzip"):
            raise InputError(f"unknown Content-Encoding {encoding!r}", advice="gzip or none")
        return BodyReader(
            gzip=encoding == "gzip",
            limit_bytes=self._config.body_size_limit or 0,
            limit_name="body_size_limit",
        )

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()


@dataclass(frozen=True, slots=True)
class _Answer:
    head: Head
    reader: BodyReader | None
    location: str | None

    def fetched(self, url: SplitResult) -> Fetched:
        """The body of a 200; raises UnavailableError for any other."""
        if self.head.status != OK or self.reader is None:
            raise UnavailableError(
                f"the target answered HTTP {self.head.status} {self.head.reason}".rstrip(),
                advice=f"see what {url.geturl()} answers; check metrics_path and the credentials",
            )
        return Fetched(self.reader.finish(), self.head.headers.get("content-type", ""))
