"""What a channel is: it turns a notification into a message and hands it over, once.

Retries, order and memory are `alerts.deliver`'s: a channel says by its error what makes sense.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from alerts.notification import Notification
from collector.model.errors import TocsinError


class DeliveryError(TocsinError):
    """A message was not taken.

    `permanent`: sending the same again can't help, a person must change something.
    `retry_after_seconds`: the receiver's own wish, if it said one; the whole integration waits.
    Its text never holds a secret: hosts are named, paths and bodies of requests are not.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool = False,
        retry_after_seconds: float | None = None,
        advice: str = "",
    ) -> None:
        super().__init__(message, advice=advice)
        self.permanent = permanent
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Receipt:
    """The receiver took the message; `remembered` is given back with the group's next one.

    `problems` are the user's templates that failed, whose place our own layout took.
    """

    remembered: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """A message that nobody gets: what would be sent, as a person reads it, without secrets."""

    text: str
    problems: tuple[str, ...] = ()


class Channel(Protocol):
    """One integration of one receiver.

    `takes_changes`: it can change the message that it sent (`Reason.CHANGED`), by what it asked to
    remember; others are never given that reason.
    """

    @property
    def takes_changes(self) -> bool:
        """Whether notifications of `Reason.CHANGED` are for it."""
        ...

    def send(self, notification: Notification) -> Receipt:
        """Hand a message over within the channel's deadline; raises DeliveryError."""
        ...

    def preview(self, notification: Notification) -> Preview:
        """The message that `send` would hand over; raises TemplateError where it could not."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
