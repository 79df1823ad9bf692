"""The dead letters of the running service: seen, sent again, let go of; for API and pages."""

from __future__ import annotations

from collections.abc import Sequence

from alerts import dead_letters
from alerts.dead_letters import DeadLetter
from alerts.service import AlertService


def letters_of(service: AlertService, receiver: str = "") -> list[DeadLetter]:
    """Letters, newest first; of one receiver if one is named."""
    with service.database.read() as connection:
        return dead_letters.find(connection, receiver)


def resend(service: AlertService, ids: Sequence[str]) -> int:
    """Put letters back into the outbox and queue them; gives how many. Raises KeyError."""
    with service.database.write() as connection:
        rows = dead_letters.resend(connection, ids, service.now_ms())
    service.senders.put_known(rows)
    return len(rows)


def drop(service: AlertService, id_: str) -> None:
    """Let go of a letter; raises KeyError."""
    with service.database.write() as connection:
        dead_letters.drop(connection, id_)
