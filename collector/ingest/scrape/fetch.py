"""One HTTP GET with deadline, size limit and content negotiation."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

import h11

from collector.config import ScrapeConfig
from collector.ingest.formats.negotiate import ACCEPT
from collector.ingest.inflate import BodyReader
from collector.ingest.scrape.http_connection import DEFAULT_PORTS, Head, HttpConnection
from collector.model.errors import ConfigError, InputError, UnavailableError
from collector.model.secrets import Secret

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

    def __init__(self, config: ScrapeConfig, tls: ssl.SSLContext, url: str) -> None:
        self._config = config
        self._tls = tls
        self._url = urlsplit(url)
        self._connection = HttpConnection(self._url, tls)

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
        credentials = _credentials(self._config)
        url = self._url
        answer = await self._ask(self._connection, url, credentials, timeout_seconds)
        for _ in range(MAX_REDIRECTS):
            if answer.location is None:
                return answer.fetched(url.geturl())
            url = self._redirected(url, answer.location)
            if url.netloc != self._url.netloc:
                credentials = {}
            elsewhere = HttpConnection(url, self._tls)
            try:
                answer = await self._ask(elsewhere, url, credentials, timeout_seconds)
            finally:
                elsewhere.close()
        raise InputError(f"more than {MAX_REDIRECTS} redirects", advice="mend the target")

    def _redirected(self, url: SplitResult, location: str) -> SplitResult:
        found = urlsplit(urljoin(url.geturl(), location))
        if found.scheme not in DEFAULT_PORTS or not found.hostname:
            raise InputError(f"redirected to {location!r}", advice="mend the target")
        return found

    async def _ask(
        self,
        connection: HttpConnection,
        url: SplitResult,
        credentials: Mapping[str, str],
        timeout_seconds: float,
    ) -> _Answer:
        headers = {
            "Host": url.netloc.rpartition("@")[2],
            "Accept": ACCEPT,
            "Accept-Encoding": "gzip",
            "User-Agent": USER_AGENT,
            "X-Prometheus-Scrape-Timeout-Seconds": f"{timeout_seconds:g}",
            **credentials,
        }
        reader: BodyReader | None = None

        def begin(head: Head) -> Callable[[bytes], None]:
            nonlocal reader
            reader = self._reader(head.headers.get("content-encoding", ""))
            return reader.feed

        target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        head = await connection.get(target, list(headers.items()), begin)
        redirected = self._config.follow_redirects and head.status in REDIRECTS
        return _Answer(head, reader, head.headers.get("location") if redirected else None)

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
        self._connection.close()


@dataclass(frozen=True, slots=True)
class _Answer:
    head: Head
    reader: BodyReader | None
    location: str | None

    def fetched(self, url: str) -> Fetched:
        """The body of a 200; raises UnavailableError for any other."""
        if self.head.status != OK or self.reader is None:
            raise UnavailableError(
                f"the target answered HTTP {self.head.status} {self.head.reason}".rstrip(),
                advice=f"see what {url} answers; check metrics_path and the credentials",
            )
        return Fetched(self.reader.finish(), self.head.headers.get("content-type", ""))


def tls_context(config: ScrapeConfig) -> ssl.SSLContext:
    """How servers of a scrape section are checked; raises ConfigError for files that are no use."""
    tls = config.tls_config
    try:
        context = ssl.create_default_context(cafile=tls.ca_file or None)
        if tls.cert_file:
            context.load_cert_chain(tls.cert_file, tls.key_file or None)
    except OSError as error:
        raise ConfigError(
            f"tls_config of job {config.job_name!r} can't be used: {error}",
            advice="check that ca_file, cert_file and key_file exist and are PEM",
        ) from error
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _credentials(config: ScrapeConfig) -> dict[str, str]:
    """Headers with secrets; files are read anew each time, as they are rotated."""
    headers = {}
    for name, header in config.http_headers.items():
        values = [*header.values, *(secret.reveal() for secret in header.secrets)]
        values += [_text_of(file) for file in header.files]
        headers[name] = ", ".join(values)
    if config.basic_auth is not None:
        basic = config.basic_auth
        user = _text_of(basic.username_file) if basic.username_file else basic.username
        password = _secret_text(basic.password, basic.password_file)
        headers["Authorization"] = f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
    elif config.authorization is not None:
        given = config.authorization
        secret = _secret_text(given.credentials, given.credentials_file)
        headers["Authorization"] = f"{given.type} {secret}"
    elif config.bearer_token is not None or config.bearer_token_file:
        secret = _secret_text(config.bearer_token, config.bearer_token_file)
        headers["Authorization"] = f"Bearer {secret}"
    return headers


def _secret_text(inline: Secret | None, file: str) -> str:
    if file:
        return _text_of(file)
    return inline.reveal() if inline is not None else ""


def _text_of(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file} can't be read: {getattr(error, 'strerror', None) or 'not UTF-8'}",
            advice="check the path and its mode",
        ) from error
