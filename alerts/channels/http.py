"""The one HTTP sender of all channels: deadline, authentication, status -> DeliveryError.

The URL is taken as a secret, because a webhook's is: errors and logs name its host and no more.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from alerts.channels.interface import DeliveryError
from alerts.http_config import HttpConfig, TlsConfig
from alerts.secret_source import SecretSource
from collector.model.clock import Clock
from collector.model.secrets import MASK, Secret

DEADLINE_SECONDS = 15.0
"""A request may take this long in all; the channel's other messages wait meanwhile."""
MAX_ANSWER_BYTES = 64 * 1024
"""More of an answer is not read: no receiver has more to say about one message."""
MAX_QUOTED_CHARACTERS = 200
MAX_RETRY_AFTER_SECONDS = 3600.0
"""A receiver that asks for a longer silence is asked again after an hour all the same."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (lower-case names) and the text of the body."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def retry_after_seconds(self) -> float | None:
        """`Retry-After` as seconds; a date is read against the answer's own `Date`."""
        value = self.headers.get("retry-after", "").strip()
        if not value:
            return None
        try:
            seconds = float(value)
        except ValueError:
            seconds = self._until(value)
        return bounded_wish(seconds)

    def _until(self, date: str) -> float:
        try:
            then = parsedate_to_datetime(date)
            now = parsedate_to_datetime(self.headers.get("date", date))
            return (then - now).total_seconds()
        except (ValueError, TypeError):
            return 0.0


class HttpSender:
    """Sends requests for one integration, over connections that it keeps."""

    def __init__(self, config: HttpConfig | None, timeout_ms: int, clock: Clock) -> None:
        self._config = config or HttpConfig()
        self._clock = clock
        self._deadline_seconds = timeout_ms / 1000 or DEADLINE_SECONDS
        self._client = httpx.Client(
            timeout=self._deadline_seconds,
            verify=_verify(self._config.tls_config),
            proxy=self._config.proxy_url,
            trust_env=self._config.proxy_from_environment,
            follow_redirects=self._config.follow_redirects,
            headers={"user-agent": "tocsin"},
        )

    def post(self, url: Secret, body: object, headers: Mapping[str, str] | None = None) -> Answer:
        """Post JSON; the answer, whatever its status; raises DeliveryError when there is none."""
        return self.send("POST", url, headers, json=body)

    def send(
        self,
        method: str,
        url: Secret,
        headers: Mapping[str, str] | None = None,
        **content: object,
    ) -> Answer:
        """The same with any method and content (`json`, `data`, `content`, `files`) of httpx."""
        host = urlsplit(url.reveal()).hostname or "the receiver"
        began = self._clock.monotonic_seconds()
        request = {**content, "headers": {**self._authorization(), **(headers or {})}}
        try:
            with self._client.stream(method, url.reveal(), **request) as response:  # type: ignore[arg-type]
                text = self._read(response, began)
                answer_headers = {name.lower(): v for name, v in response.headers.items()}
                return Answer(response.status_code, answer_headers, text)
        except httpx.TimeoutException:
            seconds = self._clock.monotonic_seconds() - began
            raise DeliveryError(f"{host} did not answer within {seconds:.1f} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise DeliveryError(f"{host} can't be reached: {_reason(error, url)}") from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _read(self, response: httpx.Response, began: float) -> str:
        body = b""
        for chunk in response.iter_bytes():
            body += chunk
            late = self._clock.monotonic_seconds() - began > self._deadline_seconds
            if late or len(body) > MAX_ANSWER_BYTES:
                break
        return body[:MAX_ANSWER_BYTES].decode("utf-8", "replace")

    def _authorization(self) -> dict[str, str]:
        config = self._config
        if config.basic_auth is not None:
            password = SecretSource(config.basic_auth.password, config.basic_auth.password_file)
            text = password.read().reveal() if password else ""
            auth = httpx.BasicAuth(config.basic_auth.username, text)
            flow = auth.auth_flow(httpx.Request("POST", "http://nowhere"))
            return {"authorization": next(flow).headers["authorization"]}
        bearer = SecretSource(config.bearer_token, config.bearer_token_file)
        kind = "Bearer"
        if config.authorization is not None:
            kind = config.authorization.type
            written = config.authorization
            bearer = SecretSource(written.credentials, written.credentials_file)
        return {"authorization": f"{kind} {bearer.read().reveal()}"} if bearer else {}


def refusal(
    answer: Answer,
    host: str,
    secrets: tuple[Secret, ...] = (),
    retry_after_seconds: float | None = None,
) -> DeliveryError | None:
    """The error of an answer that is not 2xx, or None.

    429, 408 and 5xx may work later; any other status needs a person. `retry_after_seconds` is what
    the body says, where a receiver tells its wish there.
    """
    if 200 <= answer.status < 300:
        return None
    later = answer.status in (408, 425, 429) or answer.status >= 500
    advice = "" if later else "check the receiver's address, its credentials and its channel"
    wish = answer.retry_after_seconds if retry_after_seconds is None else retry_after_seconds
    return DeliveryError(
        f"{host} answered {answer.status}: {quoted(answer.text, secrets)}",
        permanent=not later,
        retry_after_seconds=bounded_wish(wish) if later else None,
        advice=advice,
    )


def bounded_wish(seconds: float | None) -> float | None:
    """A receiver's wish for rest within what is granted; None for none, or for no number."""
    if seconds is None or not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def quoted(text: str, secrets: tuple[Secret, ...] = ()) -> str:
    """The beginning of a receiver's answer on one line, with secrets that it repeats masked."""
    for secret in secrets:
        if secret:
            text = text.replace(secret.reveal(), MASK)
    line = " ".join(text.split())
    return line if len(line) <= MAX_QUOTED_CHARACTERS else line[:MAX_QUOTED_CHARACTERS] + "…"


def _reason(error: Exception, url: Secret) -> str:
    """What went wrong below HTTP, without the URL that some messages repeat."""
    text = str(error).replace(url.reveal(), MASK)
    path = urlsplit(url.reveal()).path
    if len(path) > 1:
        text = text.replace(path, MASK)
    return text or type(error).__name__


def _verify(tls: TlsConfig) -> ssl.SSLContext | bool:
    if tls.insecure_skip_verify:
        return False
    if not (tls.ca_file or tls.cert_file):
        return True
    context = ssl.create_default_context(cafile=tls.ca_file or None)
    if tls.cert_file:
        context.load_cert_chain(tls.cert_file, tls.key_file or None)
    return context
