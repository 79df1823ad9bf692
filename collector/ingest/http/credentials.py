"""The headers that say who asks: basic, bearer, OAuth2 and those of `http_headers`.

Files are read anew for each request, as they are rotated; a token is kept until shortly before it
expires. Nothing here shows a secret: errors name files and URLs only.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from collector.http_config import HttpClientConfig
from collector.ingest.http.oauth2 import TokenSource
from collector.model.clock import Clock, SystemClock
from collector.model.errors import ConfigError
from collector.model.secrets import Secret


class Credentials:
    """Makes the headers of one client section."""

    def __init__(self, config: HttpClientConfig, clock: Clock | None = None) -> None:
        self._config = config
        self._tokens = TokenSource(config.oauth2, clock or SystemClock()) if config.oauth2 else None

    async def headers(self) -> Mapping[str, str]:
        """Headers with secrets.

        Raises ConfigError for a file that can't be read, UnavailableError when no token is had.
        """
        config = self._config
        headers = dict(self._extra())
        if config.basic_auth is not None:
            basic = config.basic_auth
            user = text_of(basic.username_file) if basic.username_file else basic.username
            password = secret_text(basic.password, basic.password_file)
            headers["Authorization"] = basic_value(user, password)
        elif config.authorization is not None:
            given = config.authorization
            secret = secret_text(given.credentials, given.credentials_file)
            headers["Authorization"] = f"{given.type} {secret}"
        elif config.bearer_token is not None or config.bearer_token_file:
            secret = secret_text(config.bearer_token, config.bearer_token_file)
            headers["Authorization"] = f"Bearer {secret}"
        elif self._tokens is not None and config.oauth2 is not None:
            client_secret = secret_text(
                config.oauth2.client_secret, config.oauth2.client_secret_file
            )
            headers["Authorization"] = f"Bearer {await self._tokens.token(Secret(client_secret))}"
        return headers

    def _extra(self) -> Mapping[str, str]:
        found = {}
        for name, header in self._config.http_headers.items():
            values = [*header.values, *(secret.reveal() for secret in header.secrets)]
            values += [text_of(file) for file in header.files]
            found[name] = ", ".join(values)
        return found


def basic_value(user: str, password: str) -> str:
    """The value of an Authorization header for HTTP basic authentication (RFC 7617)."""
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def secret_text(inline: Secret | None, file: str) -> str:
    """The secret from its file, else the inline one, else ""."""
    if file:
        return text_of(file)
    return inline.reveal() if inline is not None else ""


def text_of(file: str) -> str:
    """A file's text without the white space around it; raises ConfigError."""
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file} can't be read: {getattr(error, 'strerror', None) or 'not UTF-8'}",
            advice="check the path and its mode",
        ) from error
