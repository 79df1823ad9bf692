"""Sends boards to a Grafana and says what changed; sending twice changes nothing.

Source: Grafana HTTP API, "Dashboard" and "Folder" (`GET /api/dashboards/uid/:uid`,
`POST /api/dashboards/db`, `POST /api/folders`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from collector.model.errors import ConfigError, InputError, UnavailableError
from collector.model.secrets import Secret
from dashboards.board import Board
from dashboards.build import Change
from dashboards.grafana import to_grafana

TIMEOUT_SECONDS = 30.0
MESSAGE = "tocsin dashboards push"
REASONS = {
    401: ("the token is not known", "make a service account token and put it into grafana.token"),
    403: ("the token may not write dashboards", "give its service account the role Editor"),
    412: ("the dashboard is provisioned from a file", "remove it from Grafana's provisioning"),
}


@dataclass(frozen=True, slots=True)
class Pushed:
    """One board in Grafana."""

    board: Board
    change: Change
    url: str


class Grafana:
    """One Grafana's HTTP API. Raises UnavailableError, ConfigError or InputError with advice."""

    def __init__(self, url: str, token: Secret | None) -> None:
        headers = {"Authorization": f"Bearer {token.reveal()}"} if token else {}
        self._url = url.rstrip("/")
        self._http = httpx.Client(base_url=self._url, headers=headers, timeout=TIMEOUT_SECONDS)

    def push(self, boards: Sequence[Board], folder: str) -> list[Pushed]:
        """Create or update each board in the folder of this title."""
        folder_uid = self._folder(folder)
        return [self._push(board, folder_uid) for board in boards]

    def _push(self, board: Board, folder_uid: str) -> Pushed:
        wanted = to_grafana(board)
        known = self._request("GET", f"/api/dashboards/uid/{board.uid}", missing_is_none=True)
        if known is not None and _same(known["dashboard"], wanted):
            return Pushed(board, "unchanged", self._url + known["meta"].get("url", ""))
        body = {
            "dashboard": {**wanted, "id": None},
            "folderUid": folder_uid,
            "overwrite": True,
            "message": MESSAGE,
        }
        answer = self._request("POST", "/api/dashboards/db", body) or {}
        change: Change = "created" if known is None else "updated"
        return Pushed(board, change, self._url + answer.get("url", ""))

    def _folder(self, title: str) -> str:
        uid = f"tocsin-{hashlib.sha256(title.encode()).hexdigest()[:12]}"
        if self._request("GET", f"/api/folders/{uid}", missing_is_none=True) is None:
            self._request("POST", "/api/folders", {"uid": uid, "title": title})
        return uid

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        missing_is_none: bool = False,
    ) -> dict[str, Any] | None:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"no answer from Grafana at {self._url}: {error}", advice="check dashboards.grafana"
            ) from error
        if missing_is_none and answer.status_code == 404:
            return None
        if answer.is_error:
            raise self._error(answer, path)
        found: dict[str, Any] = answer.json()
        return found

    def _error(self, answer: httpx.Response, path: str) -> ConfigError | InputError:
        said = answer.text[:300]
        if answer.status_code in REASONS:
            reason, advice = REASONS[answer.status_code]
            return ConfigError(f"Grafana at {self._url}: {reason}: {said}", advice=advice)
        return InputError(f"Grafana answered {answer.status_code} to {path}: {said}")


def _same(known: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether Grafana holds the board already: it adds `id` and `version` of its own."""
    return all(known.get(key) == value for key, value in wanted.items())
