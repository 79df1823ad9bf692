"""One HTTP GET with deadline, size limit and content negotiation."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import httpx

from collector.config import ScrapeConfig, TlsConfig
from collector.ingest.formats.negotiate import ACCEPT
from collector.ingest.inflate import BodyReader
from collector.model.errors import ConfigError, InputError, UnavailableError
from collector.model.secrets import Secret

USER_AGENT = "tocsin"
MAX_REDIRECTS = 5


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body, unpacked, and what its sender says it is."""

    body: bytes
    content_type: str


class Fetcher:
    """Asks the targets of one scrape section; keeps connections open between scrapes."""

    def __init__(self, config: ScrapeConfig) -> None:
        self._config = config
        self._client = httpx.AsyncClient(
            verify=_tls_context(config),
            follow_redirects=config.follow_redirects,
            max_redirects=MAX_REDIRECTS,
            trust_env=False,
            timeout=None,  # noqa: S113  (the deadline below holds for the whole request)
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
        )

    async def get(self, url: str, timeout_seconds: float) -> Fetched:
        """The target's answer.

        Raises UnavailableError when it can't be had, InputError or LimitError when it can't be
        used. Credentials do not follow a redirect to another host.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                return await self._get(url, timeout_seconds)
        except TimeoutError as error:
            raise UnavailableError(
                f"no whole answer within scrape_timeout of {timeout_seconds:g} s",
                advice="see why the target is slow, or raise scrape_timeout",
            ) from error
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"can't reach the target: {_reason(error)}",
                advice="check that it runs, its address and the network between",
            ) from error

    async def _get(self, url: str, timeout_seconds: float) -> Fetched:
        headers = {
            "Accept": ACCEPT,
            "Accept-Encoding": "gzip",
            "User-Agent": USER_AGENT,
            "X-Prometheus-Scrape-Timeout-Seconds": f"{timeout_seconds:g}",
            **_credentials(self._config),
        }
        async with self._client.stream("GET", url, headers=headers) as response:
            if response.status_code != httpx.codes.OK:
                raise UnavailableError(
                    f"the target answered HTTP {response.status_code} {response.reason_phrase}",
                    advice="check metrics_path and the credentials",
                )
            encoding = response.headers.get("Content-Encoding", "").strip().lower()
            if encoding not in ("", "identity", "gzip"):
                raise InputError(f"unknown Content-Encoding {encoding!r}", advice="gzip or none")
            reader = BodyReader(
                gzip=encoding == "gzip",
                limit_bytes=self._config.body_size_limit or 0,
                limit_name="body_size_limit",
            )
            async for chunk in response.aiter_raw():
                reader.feed(chunk)
            return Fetched(reader.finish(), response.headers.get("Content-Type", ""))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _reason(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _tls_context(config: ScrapeConfig) -> ssl.SSLContext | bool:
    tls = config.tls_config
    if config.scheme == "http" and tls == TlsConfig():
        # relabelling may still choose https: then the system's certificates decide
        return True
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
