"""A channel whose message is a request or a few: texts filled in, sent, answers judged.

What differs between such receivers is data: `Posting` says how one writes and reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from alerts.channels.http import Answer, HttpSender, refusal
from alerts.channels.interface import DeliveryError, Preview, Receipt
from alerts.http_config import HttpReceiver
from alerts.notification import Notification
from alerts.template import EntryTemplates
from alerts.template.entry import Filled
from collector.model.clock import Clock
from collector.model.secrets import Secret

Entry = TypeVar("Entry", bound=HttpReceiver)
Json = dict[str, Any]
Remember = Callable[[Answer], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `content` as httpx takes it, such as `{"json": body}`; `shown` is for previews.

    `remember` reads from the answer what the group's next message must know.
    """

    url: Secret
    content: Mapping[str, object]
    shown: object
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    remember: Remember | None = None


def json_request(url: Secret, body: object, **more: Any) -> Request:
    """A request whose body is JSON."""
    return Request(url, {"json": body}, body, **more)


@dataclass(frozen=True, slots=True)
class Posting(Generic[Entry]):
    """How one kind of receiver is written to.

    `requests` gives what is sent, in order, none where there is nothing to say; it is given what
    `secrets` read. `wish` reads from the body of an answer for how long to
    rest. `is_taken` judges answers that say no with status 200, or yes with another one.
    """

    kind: str
    host: str
    requests: Callable[[Notification, Filled[Entry], Mapping[str, Secret]], Sequence[Request]]
    secrets: Callable[[Entry], Mapping[str, Secret]]
    wish: Callable[[Any], object] = lambda _: None
    is_taken: Callable[[int, Any], bool] | None = None
    takes_changes: bool = False


class PostedChannel(Generic[Entry]):
    """One entry of such a receiver."""

    def __init__(self, posting: Posting[Entry], texts: EntryTemplates[Entry], clock: Clock) -> None:
        self.kind = posting.kind
        self.takes_changes = posting.takes_changes
        self._posting = posting
        self._texts = texts
        self._http = HttpSender(texts.entry.http_config, texts.entry.timeout, clock)

    def send(self, notification: Notification) -> Receipt:
        """Send each request; raises DeliveryError for the first that is not taken."""
        filled = self._texts.fill(notification)
        secrets = self._posting.secrets(filled.entry)
        remembered = dict(notification.remembered)
        for request in self._posting.requests(notification, filled, secrets):
            answer = self._http.send(
                request.method, request.url, request.headers, **request.content
            )
            self._check(answer, (request.url, *secrets.values()))
            if request.remember is not None:
                remembered.update(request.remember(answer))
        return Receipt(remembered, filled.problems)

    def preview(self, notification: Notification) -> Preview:
        """The requests as JSON."""
        filled = self._texts.fill(notification)
        masked = {name: Secret("secret") for name in SECRET_NAMES}
        requests = self._posting.requests(notification, filled, masked)
        shown = "\n\n".join(
            json.dumps(request.shown, indent=2, ensure_ascii=False) for request in requests
        )
        return Preview(shown, filled.problems)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _check(self, answer: Answer, secrets: tuple[Secret, ...]) -> None:
        posting, body = self._posting, parsed(answer)
        if posting.is_taken is not None and posting.is_taken(answer.status, body):
            return
        wish = posting.wish(body) if isinstance(body, dict) else None
        seconds = float(wish) if isinstance(wish, int | float) else None
        error = refusal(answer, posting.host, secrets, seconds)
        if error is None and posting.is_taken is not None:
            error = DeliveryError(f"{posting.host} refused the message", permanent=True)
        if error is not None:
            raise error


SECRET_NAMES = ("url", "key", "token", "user", "id")
"""What `Posting.secrets` may hold, so that a preview can stand in for each."""


def parsed(answer: Answer) -> Any:
    """The JSON of an answer, or None."""
    try:
        return json.loads(answer.text)
    except ValueError:
        return None
