"""OAuth2 tokens by client credentials (RFC 6749, 4.4), kept until shortly before their end."""

from __future__ import annotations

import asyncio
import os
from base64 import b64encode
from urllib.parse import quote, urlsplit

import httpx

from collector.http_config import OAuth2
from collector.ingest.http.proxy import proxy_for
from collector.ingest.http.tls import tls_context
from collector.model.clock import Clock
from collector.model.errors import UnavailableError
from collector.model.secrets import Secret

EARLY_SECONDS = 10.0
"""A token is renewed this long before its end, so that it does not end on the way."""
TOKEN_TIMEOUT_SECONDS = 10.0
MAX_TOKEN_BYTES = 1024 * 1024
"""More than this is no answer of a token endpoint."""
_REFUSED = (400, 401)


class TokenSource:
    """Asks one token endpoint; a waiting request does not ask a second time."""

    def __init__(self, config: OAuth2, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._token: Secret | None = None
        self._ends_seconds: float | None = None
        self._asking = asyncio.Lock()

    async def token(self, client_secret: Secret) -> str:
        """An access token that is good now; raises UnavailableError, ConfigError."""
        async with self._asking:
            now = self._clock.monotonic_seconds()
            ended = self._ends_seconds is not None and now >= self._ends_seconds - EARLY_SECONDS
            if self._token is None or ended:
                await self._renew(client_secret)
            return self._token.reveal() if self._token is not None else ""

    async def _renew(self, client_secret: Secret) -> None:
        config = self._config
        asked = self._clock.monotonic_seconds()
        try:
            async with self._client() as client:
                answer = await self._ask(client, client_secret)
        except httpx.HTTPError as error:
            raise self._unavailable(str(error) or type(error).__name__) from error
        if answer.status_code != httpx.codes.OK or len(answer.content) > MAX_TOKEN_BYTES:
            raise self._unavailable(f"HTTP {answer.status_code}")
        try:
            found = answer.json()
            self._token = Secret(str(found["access_token"]))
            lifetime = float(found.get("expires_in") or 0)
        except (ValueError, KeyError, TypeError) as error:
            raise self._unavailable("no access_token in the answer") from error
        self._ends_seconds = asked + lifetime if lifetime > 0 else None
        if not self._token:
            raise self._unavailable(f"an empty access_token for {config.client_id}")

    async def _ask(self, client: httpx.AsyncClient, client_secret: Secret) -> httpx.Response:
        """With the id in a header, as the RFC prefers; who refuses that is asked by the form."""
        config = self._config
        form = {"grant_type": "client_credentials", **config.endpoint_params}
        if config.scopes:
            form["scope"] = " ".join(config.scopes)
        pair = f"{quote(config.client_id, safe='')}:{quote(client_secret.reveal(), safe='')}"
        header = {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        answer = await client.post(config.token_url, data=form, headers=header)
        if answer.status_code not in _REFUSED:
            return answer
        form |= {"client_id": config.client_id, "client_secret": client_secret.reveal()}
        return await client.post(config.token_url, data=form)

    def _client(self) -> httpx.AsyncClient:
        config = self._config
        proxy = proxy_for(config, urlsplit(config.token_url), os.environ)
        return httpx.AsyncClient(
            verify=tls_context(config.tls_config, "oauth2"),
            proxy=httpx_proxy(proxy.url, proxy.authorization) if proxy else None,
            timeout=TOKEN_TIMEOUT_SECONDS,
            trust_env=False,
        )

    def _unavailable(self, reason: str) -> UnavailableError:
        return UnavailableError(
            f"no token from {self._config.token_url}: {reason}",
            advice="check oauth2: token_url, client_id and the secret",
        )


def httpx_proxy(url: str, authorization: Secret | None) -> httpx.Proxy:
    """The same proxy as httpx takes it."""
    headers = {"Proxy-Authorization": authorization.reveal()} if authorization else None
    return httpx.Proxy(url, headers=headers)
