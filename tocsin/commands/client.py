"""Asks a running tocsin over HTTP, for commands that show what it knows."""

from __future__ import annotations

import json
from collections.abc import Mapping

import httpx
import typer

from collector.model.errors import InputError, UnavailableError
from collector.query.positions import picture_of

DEFAULT_URL = "http://127.0.0.1:9900"
URL = typer.Option(DEFAULT_URL, envvar="TOCSIN_URL", help="Where tocsin is.")
"""The option of every command that asks."""
TIMEOUT_SECONDS = 30.0
PATIENCE_SECONDS = 600.0
Parameters = Mapping[str, str | list[str]]
"""A list stands for a parameter that is given several times."""


def get(url: str, path: str, parameters: Parameters | None = None) -> object:
    """The JSON that tocsin answers.

    Raises UnavailableError when nothing answers, InputError with tocsin's own words otherwise.
    """
    return _json(_sent("GET", url, path, parameters, TIMEOUT_SECONDS))


def post(
    url: str, path: str, parameters: Mapping[str, str] | None = None, body: str = ""
) -> object:
    """The same for what changes something, and may take long; `body` is sent as it is."""
    return _json(_sent("POST", url, path, parameters, PATIENCE_SECONDS, body))


def post_json(url: str, path: str, body: Mapping[str, object]) -> object:
    """The same with a JSON object as the body."""
    text, kind = json.dumps(body), "application/json"
    return _json(_sent("POST", url, path, None, PATIENCE_SECONDS, text, content_type=kind))


def delete(url: str, path: str, parameters: Mapping[str, str]) -> object:
    """The same for what takes something away."""
    return _json(_sent("DELETE", url, path, parameters, PATIENCE_SECONDS))


def answer_of(
    url: str, path: str, parameters: Mapping[str, str], statuses: tuple[int, ...]
) -> object:
    """The JSON of an answer with one of these status codes, not all of which mean success."""
    return _json(_sent("GET", url, path, parameters, TIMEOUT_SECONDS, expected=statuses))


def get_text(url: str, path: str, parameters: Mapping[str, str] | None = None) -> str:
    """What tocsin answers, as it is."""
    return _sent("GET", url, path, parameters, TIMEOUT_SECONDS).text


def _sent(
    method: str,
    url: str,
    path: str,
    parameters: Parameters | None,
    timeout_seconds: float,
    body: str = "",
    expected: tuple[int, ...] = (),
    content_type: str = "",
) -> httpx.Response:
    given = dict(parameters or {})
    headers = {"content-type": content_type} if content_type else {}
    try:
        answer = httpx.request(
            method,
            url + path,
            params=given,
            content=body.encode(),
            headers=headers,
            timeout=timeout_seconds,
        )
    except httpx.HTTPError as error:
        raise UnavailableError(
            f"no answer from {url}: {error}", advice="start it with `tocsin up`, or give --url"
        ) from error
    if answer.is_error and answer.status_code not in expected:
        reason = _reason(answer)
        of_query = reason.removeprefix('invalid parameter "query": ')
        picture = picture_of(str(given.get("query", "")), of_query)
        told = f"{reason}\n{picture}" if picture else reason
        raise InputError(f"{url}{path} answered {answer.status_code}: {told}")
    return answer


def _json(answer: httpx.Response) -> object:
    found: object = answer.json() if answer.content else None
    return found


def _reason(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.text[:500]
    return str(body.get("error", body)) if isinstance(body, dict) else str(body)
