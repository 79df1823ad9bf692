"""What becomes durable after an attempt: taken, put off or given up, and who else is told then."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from alerts import dead_letters, delivery_log, fallback
from alerts.dead_letters import DeadLetter
from alerts.delivery_log import Attempt, Decision, OutboxRow, Outcome
from alerts.fallback import Fallback
from alerts.message import compose
from alerts.notification import Notification
from alerts.receivers import Integration


class Aftermath:
    """Of one integration. Each method writes in a transaction that may be tried again.

    `copies` are the messages that other integrations have to send after the last transaction.
    """

    def __init__(self) -> None:
        self.fallback: Fallback | None = None
        self.copies: list[OutboxRow] = []

    def taken(
        self,
        connection: Connection,
        row: OutboxRow,
        notification: Notification,
        remembered: Mapping[str, str],
        attempt: Attempt,
    ) -> None:
        """The receiver has it: what was given up of its group before is no loss any more."""
        delivery_log.mark_sent(connection, row, remembered, attempt)
        dead_letters.forget_delivered(connection, row.integration, row.group_key)
        if self.fallback is not None:
            self.copies += fallback.copy_end(
                connection, row, notification, self.fallback, attempt.at_ms
            )

    def put_off(
        self,
        connection: Connection,
        row: OutboxRow,
        notification: Notification,
        attempt: Attempt,
        next_ms: int,
        failing_ms: int,
    ) -> None:
        """It is tried again; after failing for long enough somebody else is told meanwhile."""
        delivery_log.mark_retry(connection, row, next_ms, attempt)
        self._step_in(connection, row, notification, attempt, failing_ms, permanent=False)

    def given_up(
        self,
        connection: Connection,
        row: OutboxRow,
        notification: Notification,
        attempt: Attempt,
        failing_ms: int,
    ) -> None:
        """It is not tried again as it is; a person may."""
        delivery_log.mark_failed(connection, row, attempt)
        dead_letters.bury(connection, letter_of(attempt), row.notification)
        self._step_in(connection, row, notification, attempt, failing_ms, permanent=True)

    def _step_in(
        self,
        connection: Connection,
        row: OutboxRow,
        notification: Notification,
        attempt: Attempt,
        failing_ms: int,
        *,
        permanent: bool,
    ) -> None:
        by = self.fallback
        if by is not None and fallback.steps_in(by, notification, failing_ms, permanent):
            now_ms = attempt.at_ms
            self.copies += fallback.copy(connection, row, notification, by, failing_ms, now_ms)


def attempt_of(
    integration: Integration,
    row: OutboxRow,
    notification: Notification,
    status: Outcome,
    at_ms: int,
    seconds: float = 0.0,
    error: str = "",
) -> Attempt:
    """One try to send, for the history."""
    return Attempt(
        notification_id=row.id,
        receiver=integration.receiver,
        channel=integration.kind,
        integration=integration.key,
        group_key=row.group_key,
        reason=str(notification.reason),
        title=compose(notification).title,
        status=status,
        at_ms=at_ms,
        seconds=round(seconds, 6),
        error=error,
    )


def letter_of(attempt: Attempt) -> DeadLetter:
    """The letter of a message that was given up."""
    return DeadLetter(
        id=attempt.notification_id,
        at_ms=attempt.at_ms,
        integration=attempt.integration,
        receiver=attempt.receiver,
        channel=attempt.channel,
        group_key=attempt.group_key,
        reason=attempt.reason,
        title=attempt.title,
        error=attempt.error,
        failures=1,
    )


def forget_old(connection: Connection, now_ms: int) -> None:
    """Keep history, memory, letters and notes of copies within their retention."""
    delivery_log.forget_old(connection, now_ms)
    dead_letters.forget_old(connection, now_ms)
    fallback.forget_old(connection, now_ms)


def save_late(connection: Connection, decision: Decision) -> None:
    """Make a page durable that was sent while the database was away."""
    delivery_log.save_decisions(connection, [decision])
