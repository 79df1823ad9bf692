"""Hands notifications over: a queue and a thread for each integration, so that none blocks another.

Retries by the error's own word: a permanent one is not sent again as it is; `retry_after_seconds`
makes the entire integration wait; anything else waits twice as long each time, with jitter. Within
a group the order is kept; a newer message takes the place of older ones that were never taken.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from alerts import delivery_log
from alerts.aftermath import Aftermath, attempt_of, save_late
from alerts.backoff import backoff_ms
from alerts.channel_health import ChannelHealth, HealthLog
from alerts.channels.interface import DeliveryError, Receipt
from alerts.delivery_log import (
    Attempt,
    Decision,
    OutboxRow,
    Outcome,
    unsaved_row,
)
from alerts.digest import MAX_GROUPS, StormGate, digest_of
from alerts.fallback import Fallback
from alerts.leadership import ActingDatabase, FencedError
from alerts.notification import Notification, Reason, decode
from alerts.receivers import Integration
from alerts.self_metrics import AlertMetrics
from collector.model.clock import Clock
from collector.model.errors import StorageError, TemplateError, TocsinError

log = logging.getLogger(__name__)

STORAGE_RETRY_SECONDS = 1.0
UNMARKED_AFTER_SECONDS = 15.0
"""A page waits this long for a database that fails, and is then sent although a restart may repeat
it: longer than another instance, which may reach the database, needs to take over."""
PAGES = (Reason.FIRST, Reason.NEW_ALERTS)
"""What is sent without a mark when it must be: that something is wrong which nobody knows of."""
Mark = Callable[[Connection], None]
STOP_PATIENCE_SECONDS = 20.0
"""Longer than a channel's deadline: a message in flight is marked before the process ends."""


class Sender:
    """The queue and the thread of one integration."""

    def __init__(
        self,
        integration: Integration,
        database: ActingDatabase,
        clock: Clock,
        metrics: AlertMetrics,
        random_ratio: Callable[[], float],
    ) -> None:
        self.integration = integration
        self._database = database
        self._clock = clock
        self._random_ratio = random_ratio
        self._queue: list[OutboxRow] = []
        self._waits_until_ms = 0
        self._marks: list[Mark] = []
        self._gate = StormGate(integration.budget)
        self._after = Aftermath()
        self._divert: Callable[[Sequence[OutboxRow]], None] = lambda _: None
        self._stopping = False
        self._changed = threading.Condition()
        self._health = HealthLog(integration.key, integration.receiver, integration.kind, metrics)
        name = f"tocsin-send-{integration.key}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def step_in(self, receiver: Fallback, divert: Callable[[Sequence[OutboxRow]], None]) -> None:
        """Name the receiver that gets copies while this integration fails; `divert` queues them."""
        self._after.fallback, self._divert = receiver, divert

    def start(self) -> None:
        """Begin to send what is queued."""
        self._thread.start()

    def stop(self) -> None:
        """Let a message in flight end, and send no other; the queue stays in the outbox."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(STOP_PATIENCE_SECONDS)
        self.integration.channel.close()

    def put(self, rows: Iterable[OutboxRow]) -> None:
        """Queue rows that are durable in the outbox."""
        with self._changed:
            self._queue += rows
            self._health.queued(len(self._queue))
            self._changed.notify()

    def put_unknown(self, row: OutboxRow) -> None:
        """Queue a row that another instance has put into the outbox."""
        with self._changed:
            if any(one.id == row.id for one in self._queue):
                return
        self.put([row])

    def load(self, rows: Iterable[OutboxRow]) -> None:
        """Make the queue what the outbox holds."""
        with self._changed:
            self._queue.clear()
        self.put(rows)

    def health(self) -> ChannelHealth:
        """How it does."""
        with self._changed:
            return self._health.view(len(self._queue), self._waits_until_ms)

    def send_due(self) -> bool:
        """Send the first message that is due; False when none is.

        Raises StorageError when that can't be marked first, FencedError when another instance acts.
        A page that is due is sent without its mark once the database has failed for
        UNMARKED_AFTER_SECONDS.
        """
        try:
            self._make_marks()
            with self._changed:
                row = self._next_due(self._clock.now_ms())
            if row is None:
                return False
            if len(storm := self._storm(row)) > 1:
                return self._send_digest(storm)
            row = self._catch_up(row)
            notification = self._mark_sending(row)
        except FencedError:
            raise
        except StorageError as error:
            page = self._page_in_outage()
            if page is None:
                raise
            log.warning("%s: sent unmarked, a restart may repeat it: %s", page.id, error)
            with contextlib.suppress(StorageError):
                self._attempt(
                    replace(page, attempts=page.attempts + 1), decode(page.notification, {})
                )
            return True
        if notification is None:
            self._replace(row, None)
        elif self._database.may_send():
            self._attempt(replace(row, attempts=row.attempts + 1), notification)
        return True

    def _storm(self, row: OutboxRow) -> list[OutboxRow]:
        """The messages that must go as one with this one, since there are too many of them."""
        now_ms = self._clock.now_ms()
        if not self._gate.has_budget or _is_quiet(row):
            return []
        with self._changed:
            if not self._gate.is_storm(now_ms, self._waiting(now_ms)):
                return []
            due = [one for one in self._queue if one.next_attempt_ms <= now_ms]
        return [one for one in due if not _is_quiet(one)][:MAX_GROUPS]

    def _send_digest(self, rows: Sequence[OutboxRow]) -> bool:
        """Tell of several groups at once; what becomes of it becomes of each of them."""
        with self._database.write() as connection:
            known = [row for row in rows if delivery_log.mark_sending(connection, row)]
        for gone in {row.id: row for row in rows}.keys() - {row.id for row in known}:
            self._replace(next(row for row in rows if row.id == gone), None)
        told = [decode(row.notification, {}) for row in known]
        if told and self._database.may_send():
            digest = digest_of(told, self._clock.now_ms())
            receipt, error, seconds = self._hand_over(digest)
            if error is None:
                self._gate.note_sent(self._clock.now_ms(), digest=True)
                self._health.sent(self._clock.now_ms())
                self._health.digested(len(told))
            for row, notification in zip(known, told, strict=True):
                tried = replace(row, attempts=row.attempts + 1)
                if error is None:
                    part = replace(receipt, remembered={})
                    self._was_sent(tried, notification, part, seconds, "digested")
                else:
                    self._was_refused(tried, notification, error, seconds)
        return True

    def put_unsaved(self, decision: Decision) -> None:
        """Queue a page whose decision is made durable when the database is back."""
        if decision.notification is None:
            return
        with self._changed:
            self._marks.append(lambda connection: save_late(connection, decision))
            last = max((row.sequence for row in self._queue), default=0)
        self.put([unsaved_row(decision, decision.notification, last + 1)])

    @property
    def owes_marks(self) -> bool:
        """Whether something was decided or sent that the database does not know yet."""
        return bool(self._marks)

    def _mark_sending(self, row: OutboxRow) -> Notification | None:
        """Mark the beginning of an attempt; None when the message is another's by now."""
        with self._database.write() as connection:
            if not delivery_log.mark_sending(connection, row):
                return None
            return delivery_log.read_notification(connection, row)

    def _page_in_outage(self) -> OutboxRow | None:
        """The first page that is due and that no database may hold back any longer."""
        if self._database.anyone.outage_seconds < UNMARKED_AFTER_SECONDS:
            return None
        now_ms = self._clock.now_ms()
        with self._changed:
            if now_ms < self._waits_until_ms:
                return None
            for row in self._queue:
                reason = decode(row.notification, {}).reason
                if reason in PAGES and row.next_attempt_ms <= now_ms:
                    return row
        return None

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._stopping:
                    return
                seconds = self._seconds_to_next(self._clock.now_ms())
                if seconds is None or seconds > 0:
                    self._changed.wait(seconds)
                    continue
            try:
                self.send_due()
            except FencedError as error:
                log.info("%s: %s", self.integration.key, error)
                self._drop_queue()
            except StorageError as error:
                log.warning("%s: trying again: %s", self.integration.key, error)
                with self._changed:
                    self._changed.wait(STORAGE_RETRY_SECONDS)

    def _drop_queue(self) -> None:
        """The outbox holds it for the instance that acts."""
        with self._changed:
            self._queue.clear()
            self._health.queued(0)

    def _seconds_to_next(self, now_ms: int) -> float | None:
        if self._marks:
            return 0.0
        if not self._queue:
            return None
        opens_ms = self._opens_ms(now_ms)
        due_ms = min(
            row.next_attempt_ms if _is_quiet(row) else max(row.next_attempt_ms, opens_ms)
            for row in self._heads()
        )
        return max(due_ms, self._waits_until_ms, now_ms) / 1000 - now_ms / 1000

    def _waiting(self, now_ms: int) -> int:
        """Groups that have something to say now, beside changes of what was said."""
        return sum(one.next_attempt_ms <= now_ms and not _is_quiet(one) for one in self._heads())

    def _opens_ms(self, now_ms: int) -> int:
        """When the budget lets a message pass; a change of one that was sent always may."""
        if not self._gate.has_budget:
            return now_ms
        return self._gate.opens_ms(now_ms, self._waiting(now_ms))

    def _next_due(self, now_ms: int) -> OutboxRow | None:
        if now_ms < self._waits_until_ms:
            return None
        is_open = self._opens_ms(now_ms) <= now_ms
        due = (
            row
            for row in self._heads()
            if row.next_attempt_ms <= now_ms and (is_open or _is_quiet(row))
        )
        return min(due, key=lambda row: row.sequence, default=None)

    def _heads(self) -> list[OutboxRow]:
        """The first row of each group: only that one may be sent, to keep the order."""
        heads: dict[str, OutboxRow] = {}
        for row in self._queue:
            heads.setdefault(row.group_key, row)
        return list(heads.values())

    def _catch_up(self, row: OutboxRow) -> OutboxRow:
        """Let later messages of the group stand for those before them."""
        while (newer := self._following(row)) is not None:
            older = decode(row.notification, {})
            attempt = self._record(row, older, "superseded", 0.0, "")
            with self._database.write() as connection:
                changed = delivery_log.supersede(connection, row, newer, attempt)
            self._replace(row, None)
            self._replace(newer, changed)
            row = changed
        return row

    def _following(self, row: OutboxRow) -> OutboxRow | None:
        with self._changed:
            later = [one for one in self._queue if one.group_key == row.group_key][1:2]
        for newer in later:
            reasons = [decode(one.notification, {}).reason for one in (row, newer)]
            if delivery_log.is_covered(*reasons):
                return newer
        return None

    def _attempt(self, row: OutboxRow, notification: Notification) -> None:
        receipt, error, seconds = self._hand_over(notification)
        if error is not None:
            self._was_refused(row, notification, error, seconds)
            return
        self._health.sent(self._clock.now_ms())
        if notification.reason is not Reason.CHANGED:
            self._gate.note_sent(self._clock.now_ms())
        self._was_sent(row, notification, receipt, seconds)

    def _hand_over(self, notification: Notification) -> tuple[Receipt, TocsinError | None, float]:
        """Ask the channel, once: its receipt, or why not; and how long it took."""
        began = self._clock.monotonic_seconds()
        error: TocsinError | None = None
        receipt = Receipt()
        try:
            receipt = self.integration.channel.send(notification)
        except TocsinError as failure:
            error = failure
        except Exception as failure:
            log.exception("%s: the channel failed in itself", self.integration.key)
            error = DeliveryError(f"internal error: {type(failure).__name__}")
        seconds = self._clock.monotonic_seconds() - began
        self._health.took(seconds)
        return receipt, error, seconds

    def _was_sent(
        self,
        row: OutboxRow,
        notification: Notification,
        receipt: Receipt,
        seconds: float,
        outcome: Outcome = "sent",
    ) -> None:
        attempt = self._record(row, notification, outcome, seconds, "; ".join(receipt.problems))
        if receipt.problems:
            self._health.templates_failed(len(receipt.problems))
            log.warning("%s: templates failed: %s", self.integration.key, attempt.error)
        remembered = receipt.remembered
        self._mark(
            lambda connection: self._after.taken(
                connection, row, notification, remembered, attempt
            ),
            row,
            None,
        )

    def _mark(self, mark: Mark, row: OutboxRow, by: OutboxRow | None) -> None:
        """Note what became of a message: at once here, and in the database as soon as it takes it.

        Until then nothing is sent but pages, and nothing twice.
        """
        self._replace(row, by)
        with self._changed:
            self._marks.append(mark)
        self._make_marks()

    def _make_marks(self) -> None:
        with self._changed:
            marks = list(self._marks)
        if not marks:
            return
        self._after.copies = []
        with self._database.anyone.write() as connection:
            for mark in marks:
                mark(connection)
        with self._changed:
            del self._marks[: len(marks)]
        self._divert(self._after.copies)

    def _was_refused(
        self, row: OutboxRow, notification: Notification, error: TocsinError, seconds: float
    ) -> None:
        permanent = isinstance(error, TemplateError) or (
            isinstance(error, DeliveryError) and error.permanent
        )
        outcome: Outcome = "failed" if permanent else "retried"
        attempt = self._record(row, notification, outcome, seconds, str(error))
        log.warning("%s: %s: %s", self.integration.key, outcome, error)
        failing_ms = self._health.failed(attempt.at_ms, str(error), permanent=permanent)
        if permanent:
            self._mark(
                lambda connection: self._after.given_up(
                    connection, row, notification, attempt, failing_ms
                ),
                row,
                None,
            )
        else:
            self._try_later(row, notification, error, attempt, failing_ms)

    def _try_later(
        self,
        row: OutboxRow,
        notification: Notification,
        error: TocsinError,
        attempt: Attempt,
        failing_ms: int,
    ) -> None:
        now_ms = self._clock.now_ms()
        asked = error.retry_after_seconds if isinstance(error, DeliveryError) else None
        if asked is not None:
            next_ms = now_ms + int(asked * 1000)
            with self._changed:
                self._waits_until_ms = next_ms
        else:
            next_ms = now_ms + backoff_ms(row.attempts, self._random_ratio())
        later = replace(row, next_attempt_ms=next_ms)
        self._mark(
            lambda connection: self._after.put_off(
                connection, row, notification, attempt, next_ms, failing_ms
            ),
            row,
            later,
        )

    def _replace(self, row: OutboxRow, by: OutboxRow | None) -> None:
        with self._changed:
            kept = ((by if one.id == row.id else one) for one in self._queue)
            self._queue = [one for one in kept if one is not None]
            self._health.queued(len(self._queue))

    def _record(
        self,
        row: OutboxRow,
        notification: Notification,
        status: Outcome,
        seconds: float,
        error: str,
    ) -> Attempt:
        now_ms = self._clock.now_ms()
        return attempt_of(self.integration, row, notification, status, now_ms, seconds, error)


def _is_quiet(row: OutboxRow) -> bool:
    """Whether a message makes no noise: it changes one that was sent."""
    return f'"reason": "{Reason.CHANGED}"' in row.notification
