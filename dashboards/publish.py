"""Sends boards to a Grafana and says what changed; sending twice changes nothing.

Source: Grafana HTTP API, "Dashboard" and "Folder" (`GET /api/dashboards/uid/:uid`,
`POST /api/dashboards/db`, `GET` and `POST /api/folders`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from collector.model.errors import ConfigError, InputError, TocsinError, UnavailableError
from collector.model.secrets import Secret
from dashboards.board import Board
from dashboards.build import Change
from dashboards.grafana import Datasource, to_grafana

TIMEOUT_SECONDS = 30.0
MAX_FOLDERS = 1000
"""The most that Grafana lists at once; a title past them gets a folder of its own."""
MAX_TOLD_CHARS = 300
"""Of an answer that is quoted in an error; a page of HTML helps nobody."""
MESSAGE = "tocsin dashboards push"
REASONS = {
    401: ("the token is not known", "make a service account token for dashboards.grafana.token"),
    403: ("the token may not do this", "give its service account the role Editor"),
    404: (
        "there is no such API",
        "dashboards.grafana.url is Grafana's root URL, sub-path included",
    ),
    412: ("it refuses to replace the dashboard", "delete it there, or the plugin that owns it"),
}
PROVISIONED = "provisioned"


@dataclass(frozen=True, slots=True)
class Pushed:
    """One board in Grafana."""

    board: Board
    change: Change
    url: str


class Grafana:
    """One Grafana's HTTP API. Raises UnavailableError, ConfigError or InputError with advice."""

    def __init__(
        self, url: str, token: Secret | None, datasource: Datasource | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._datasource = datasource

    def push(self, boards: Sequence[Board], folder: str) -> list[Pushed]:
        """Create or update each board in the folder of this title, which is made when missing."""
        headers = {"Authorization": f"Bearer {self._token.reveal()}"} if self._token else {}
        with httpx.Client(
            base_url=self._url, headers=headers, timeout=TIMEOUT_SECONDS, follow_redirects=False
        ) as client:
            api = _Api(client, str(httpx.URL(self._url).copy_with(userinfo=b"")))
            folder_uid = _folder(api, folder)
            return [self._push(api, board, folder_uid) for board in boards]

    def _push(self, api: _Api, board: Board, folder_uid: str) -> Pushed:
        wanted = to_grafana(board, self._datasource)
        known = api.get(f"/api/dashboards/uid/{board.uid}")
        if known is not None and _is_same(known, wanted, folder_uid):
            return Pushed(board, "unchanged", api.url + known["meta"].get("url", ""))
        body = {
            "dashboard": {**wanted, "id": None},
            "folderUid": folder_uid,
            "overwrite": True,
            "message": MESSAGE,
        }
        answer = api.post("/api/dashboards/db", body)
        return Pushed(
            board, "created" if known is None else "updated", api.url + answer.get("url", "")
        )


class _Api:
    def __init__(self, client: httpx.Client, url: str) -> None:
        self._client = client
        self.url = url

    def get(self, path: str) -> Any:
        """The answer, or None for what does not exist."""
        answer = self._ask("GET", path)
        return None if answer.status_code == 404 and _message(answer) else self._read(answer, path)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer."""
        return self._read(self._ask("POST", path, body), path)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        try:
            return self._client.request(method, path, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise UnavailableError(
                f"no answer from Grafana at {self.url}: {error}", advice="check dashboards.grafana"
            ) from error

    def _read(self, answer: httpx.Response, path: str) -> Any:
        if answer.is_error:
            raise self._error(answer, path)
        try:
            return answer.json()
        except ValueError as error:
            raise ConfigError(
                f"{self.url}{path} answered {answer.status_code} without JSON",
                advice="is a login page or a proxy in front of Grafana?",
            ) from error

    def _error(self, answer: httpx.Response, path: str) -> TocsinError:
        said = _message(answer) or answer.text[:MAX_TOLD_CHARS]
        status = answer.status_code
        if status >= 500:
            return UnavailableError(f"Grafana at {self.url} answered {status} to {path}: {said}")
        if PROVISIONED in said.lower():
            return ConfigError(
                f"Grafana at {self.url}: {said}",
                advice="it comes from a file: take it out of Grafana's provisioning, or don't push",
            )
        if status in REASONS:
            reason, advice = REASONS[status]
            return ConfigError(f"Grafana at {self.url}: {reason}: {said}", advice=advice)
        return InputError(f"Grafana at {self.url} answered {status} to {path}: {said}")


def _message(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return ""
    return str(body.get("message", ""))[:MAX_TOLD_CHARS] if isinstance(body, dict) else ""


def _folder(api: _Api, title: str) -> str:
    """The uid of the folder of this title."""
    for folder in api.get(f"/api/folders?limit={MAX_FOLDERS}") or ():
        if folder.get("title") == title:
            return str(folder["uid"])
    uid = f"tocsin-{hashlib.sha256(title.encode()).hexdigest()[:12]}"
    api.post("/api/folders", {"uid": uid, "title": title})
    return uid


def _is_same(known: Mapping[str, Any], wanted: Mapping[str, Any], folder_uid: str) -> bool:
    """Whether Grafana holds the board already: it adds `id` and `version` of its own."""
    held = known["dashboard"]
    return known["meta"].get("folderUid") == folder_uid and all(
        held.get(key) == value for key, value in wanted.items()
    )
