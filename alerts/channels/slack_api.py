"""Slack's Web API: one method called, one answer judged; a picture handed over in three steps.

Sources: https://docs.slack.dev/apis/web-api, https://docs.slack.dev/messaging/working-with-files
"""

from __future__ import annotations

import json
from typing import Any

from alerts.channels.http import Answer, HttpSender, quoted, refusal
from alerts.channels.interface import DeliveryError
from alerts.config_values import is_http_url
from alerts.secret_source import SecretSource
from collector.model.secrets import Secret

Json = dict[str, Any]
LATER = {
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
    "rollup_error",
}
"""Errors that Slack answers with `ok: false` and that may pass."""


class SlackRefusedError(DeliveryError):
    """Slack answered `ok: false`; `code` is its own word for why."""

    def __init__(self, code: str, details: str, retry_after_seconds: float | None) -> None:
        super().__init__(
            f"Slack answered {code}" + (f": {details}" if details else ""),
            permanent=code not in LATER,
            retry_after_seconds=retry_after_seconds,
            advice="" if code in LATER else f"https://docs.slack.dev explains {code}",
        )
        self.code = code


class SlackApi:
    """The methods at one base URL with one token."""

    def __init__(self, http: HttpSender, token: SecretSource) -> None:
        self._http = http
        self._token = token

    def call(self, base: str, method: str, body: Json) -> Json:
        """Call a method with JSON; raises SlackRefusedError, or DeliveryError without an answer."""
        url = Secret(base + method)
        return checked(self._http.post(url, body, self._authorization()))

    def upload(self, base: str, name: str, data: bytes, alt_text: str) -> str:
        """Hand a file over that no channel shows by itself; gives its id."""
        fields = {"filename": name, "length": str(len(data)), "alt_txt": alt_text}
        url = Secret(base + "files.getUploadURLExternal")
        place = checked(self._http.send("POST", url, self._authorization(), data=fields))
        target = Secret(str(place.get("upload_url", "")))
        if not is_http_url(target.reveal()):
            raise DeliveryError("Slack named no place for the upload", permanent=True)
        answer = self._http.send("POST", target, content=data)
        error = refusal(answer, "Slack", (target,))
        if error is not None:
            raise error
        file_id = str(place.get("file_id", ""))
        self.call(base, "files.completeUploadExternal", {"files": [{"id": file_id, "title": name}]})
        return file_id

    def _authorization(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._token.read().reveal()}"} if self._token else {}


def checked(answer: Answer) -> Json:
    """Slack's JSON; raises SlackRefusedError for `ok: false`, which comes with status 200."""
    error = refusal(answer, "Slack")
    if error is not None:
        raise error
    try:
        data = json.loads(answer.text)
    except ValueError:
        raise DeliveryError(f"Slack answered no JSON: {quoted(answer.text)}") from None
    if isinstance(data, dict) and data.get("ok"):
        return data
    known = data if isinstance(data, dict) else {}
    errors = known.get("errors")
    details = "; ".join(map(str, errors)) if isinstance(errors, list) else ""
    raise SlackRefusedError(
        str(known.get("error", "unknown")), quoted(details), answer.retry_after_seconds
    )
