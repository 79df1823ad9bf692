"""Asks a running tocsin over HTTP, for commands that show what it knows."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from collector.model.errors import InputError, UnavailableError

DEFAULT_URL = "http://127.0.0.1:9900"
TIMEOUT_SECONDS = 30.0


def get(url: str, path: str, parameters: Mapping[str, str] | None = None) -> object:
    """The JSON that tocsin answers.

    Raises UnavailableError when nothing answers, InputError with tocsin's own words otherwise.
    """
    try:
        answer = httpx.get(url + path, params=dict(parameters or {}), timeout=TIMEOUT_SECONDS)
    except httpx.HTTPError as error:
        raise UnavailableError(
            f"no answer from {url}: {error}", advice="start it with `tocsin up`, or give --url"
        ) from error
    if answer.is_error:
        raise InputError(f"{url}{path} answered {answer.status_code}: {_reason(answer)}")
    body: object = answer.json()
    return body


def _reason(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.text[:500]
    return str(body.get("error", body)) if isinstance(body, dict) else str(body)
