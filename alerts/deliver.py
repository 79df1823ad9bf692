"""Hands notifications over: a queue and a thread for each integration, so that none blocks another.

Retries by the error's own word: a permanent one is not sent again as it is; `retry_after_seconds`
makes the entire integration wait; anything else waits twice as long each time, with jitter. Within
a group the order is kept; a newer message takes the place of older ones that were never taken.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from alerts import delivery_log
from alerts.channels.interface import DeliveryError, Receipt
from alerts.delivery_log import (
    Attempt,
    Decision,
    OutboxRow,
    Outcome,
    mark_failed,
    mark_retry,
    mark_sent,
    unsaved_row,
)
from alerts.leadership import ActingDatabase, FencedError
from alerts.message import compose
from alerts.notification import Notification, Reason, decode
from alerts.receivers import Integration
from alerts.self_metrics import AlertMetrics
from collector.model.clock import Clock
from collector.model.errors import StorageError, TemplateError, TocsinError

log = logging.getLogger(__name__)

FIRST_BACKOFF_MS = 1_000
MAX_BACKOFF_MS = 5 * 60_000
"""A receiver that was away for hours is asked again every five minutes."""
STORAGE_RETRY_SECONDS = 1.0
UNMARKED_AFTER_SECONDS = 15.0
"""A page waits this long for a database that fails, and is then sent although a restart may repeat
it: longer than another instance, which may reach the database, needs to take over."""
PAGES = (Reason.FIRST, Reason.NEW_ALERTS)
"""What is sent without a mark when it must be: that something is wrong which nobody knows of."""
Mark = Callable[[Connection], None]
STOP_PATIENCE_SECONDS = 20.0
"""Longer than a channel's deadline: a message in flight is marked before the process ends."""


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """How one integration does; times are milliseconds since 1970, 0 for never."""

    integration: str
    receiver: str
    channel: str
    healthy: bool
    queued: int
    sent: int
    failed_attempts: int
    last_success_ms: int
    last_failure_ms: int
    last_error: str
    waits_until_ms: int


def backoff_ms(attempts: int, jitter_ratio: float) -> int:
    """How long to wait after the given number of attempts (1 or more).

    1 s, 2 s, 4 s, ... up to MAX_BACKOFF_MS; `jitter_ratio` in [0, 1) takes up to half of it off.
    """
    full = min(FIRST_BACKOFF_MS * 2 ** min(attempts - 1, 30), MAX_BACKOFF_MS)
    return int(full * (1 - jitter_ratio / 2))


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
        self._metrics = metrics
        self._random_ratio = random_ratio
        self._queue: list[OutboxRow] = []
        self._waits_until_ms = 0
        self._marks: list[Mark] = []
        self._stopping = False
        self._changed = threading.Condition()
        self._labels = labels = (integration.receiver, integration.kind)
        self._sent, self._queued = metrics.sent.labels(*labels), metrics.queued.labels(*labels)
        self._healthy = metrics.healthy.labels(*labels)
        self._healthy.set(1)
        self._health = ChannelHealth(integration.key, *labels, True, 0, 0, 0, 0, 0, "", 0)
        name = f"tocsin-send-{integration.key}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

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
            self._queued.set(len(self._queue))
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
            return replace(
                self._health, queued=len(self._queue), waits_until_ms=self._waits_until_ms
            )

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

    def put_unsaved(self, decision: Decision) -> None:
        """Queue a page whose decision is made durable when the database is back."""
        if decision.notification is None:
            return
        with self._changed:
            self._marks.append(lambda connection: _save_late(connection, decision))
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
            self._queued.set(0)

    def _seconds_to_next(self, now_ms: int) -> float | None:
        if self._marks:
            return 0.0
        if not self._queue:
            return None
        due_ms = min(row.next_attempt_ms for row in self._heads())
        return max(due_ms, self._waits_until_ms, now_ms) / 1000 - now_ms / 1000

    def _next_due(self, now_ms: int) -> OutboxRow | None:
        if now_ms < self._waits_until_ms:
            return None
        due = (row for row in self._heads() if row.next_attempt_ms <= now_ms)
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
        self._metrics.send_seconds.labels(self.integration.kind).observe(seconds)
        if error is None:
            self._was_sent(row, notification, receipt, seconds)
        else:
            self._was_refused(row, notification, error, seconds)

    def _was_sent(
        self, row: OutboxRow, notification: Notification, receipt: Receipt, seconds: float
    ) -> None:
        attempt = self._record(row, notification, "sent", seconds, "; ".join(receipt.problems))
        if receipt.problems:
            self._metrics.template_failures.labels(*self._labels).inc(len(receipt.problems))
            log.warning("%s: templates failed: %s", self.integration.key, attempt.error)
        self._sent.inc()
        self._healthy.set(1)
        with self._changed:
            self._health = replace(
                self._health,
                healthy=True,
                sent=self._health.sent + 1,
                last_success_ms=self._clock.now_ms(),
            )
        remembered = receipt.remembered
        self._mark(lambda connection: mark_sent(connection, row, remembered, attempt), row, None)

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
        with self._database.anyone.write() as connection:
            for mark in marks:
                mark(connection)
        with self._changed:
            del self._marks[: len(marks)]

    def _was_refused(
        self, row: OutboxRow, notification: Notification, error: TocsinError, seconds: float
    ) -> None:
        permanent = isinstance(error, TemplateError) or (
            isinstance(error, DeliveryError) and error.permanent
        )
        outcome: Outcome = "failed" if permanent else "retried"
        attempt = self._record(row, notification, outcome, seconds, str(error))
        log.warning("%s: %s: %s", self.integration.key, outcome, error)
        self._note_failure(str(error), permanent)
        if permanent:
            self._mark(lambda connection: mark_failed(connection, row, attempt), row, None)
        else:
            self._try_later(row, error, attempt)

    def _try_later(self, row: OutboxRow, error: TocsinError, attempt: Attempt) -> None:
        now_ms = self._clock.now_ms()
        asked = error.retry_after_seconds if isinstance(error, DeliveryError) else None
        if asked is not None:
            next_ms = now_ms + int(asked * 1000)
            with self._changed:
                self._waits_until_ms = next_ms
        else:
            next_ms = now_ms + backoff_ms(row.attempts, self._random_ratio())
        later = replace(row, next_attempt_ms=next_ms)
        self._mark(lambda connection: mark_retry(connection, row, next_ms, attempt), row, later)

    def _note_failure(self, error: str, permanent: bool) -> None:
        labels = (self.integration.receiver, self.integration.kind, str(permanent).lower())
        self._metrics.failed_attempts.labels(*labels).inc()
        self._healthy.set(0)
        with self._changed:
            self._health = replace(
                self._health,
                healthy=False,
                failed_attempts=self._health.failed_attempts + 1,
                last_failure_ms=self._clock.now_ms(),
                last_error=error,
            )

    def _replace(self, row: OutboxRow, by: OutboxRow | None) -> None:
        with self._changed:
            kept = ((by if one.id == row.id else one) for one in self._queue)
            self._queue = [one for one in kept if one is not None]
            self._queued.set(len(self._queue))

    def _record(
        self,
        row: OutboxRow,
        notification: Notification,
        status: Outcome,
        seconds: float,
        error: str,
    ) -> Attempt:
        return Attempt(
            notification_id=row.id,
            receiver=self.integration.receiver,
            channel=self.integration.kind,
            integration=self.integration.key,
            group_key=row.group_key,
            reason=str(notification.reason),
            title=compose(notification).title,
            status=status,
            at_ms=self._clock.now_ms(),
            seconds=round(seconds, 6),
            error=error,
        )


def _save_late(connection: Connection, decision: Decision) -> None:
    delivery_log.save_decisions(connection, [decision])
