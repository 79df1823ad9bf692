"""`Senders`: a queue and a thread for each integration of a configuration; the outbox to them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from alerts import delivery_log
from alerts.channel_health import ChannelHealth
from alerts.database import Database
from alerts.deliver import Sender
from alerts.delivery_log import Decision, OutboxRow
from alerts.dispatch import Place
from alerts.fallback import Fallback
from alerts.receivers import Integration

log = logging.getLogger(__name__)


class Senders:
    """The senders of one configuration; a reload makes others."""

    def __init__(
        self,
        integrations: Sequence[Integration],
        database: Database,
        build: Callable[[Integration], Sender],
    ) -> None:
        self._database = database
        self._senders = {one.key: build(one) for one in integrations}
        places: dict[str, list[Place]] = {}
        for one in integrations:
            places.setdefault(one.receiver, []).append(one.place)
        self.places: Mapping[str, Sequence[Place]] = places
        for one in integrations:
            if one.fallback:
                keys = tuple(place.integration for place in places.get(one.fallback, ()))
                self._senders[one.key].step_in(
                    Fallback(one.fallback, keys, one.fallback_after_ms), self.put
                )

    def values(self) -> Collection[Sender]:
        """Every sender."""
        return self._senders.values()

    def of(self, receiver: str) -> list[Sender]:
        """The senders of one receiver."""
        return [one for one in self._senders.values() if one.integration.receiver == receiver]

    def start(self) -> None:
        """Begin to send what is queued."""
        for sender in self._senders.values():
            sender.start()

    def stop(self) -> None:
        """Let messages in flight end; the rest stays in the outbox."""
        for sender in self._senders.values():
            sender.stop()

    def put(self, rows: Iterable[OutboxRow]) -> None:
        """Queue rows that are durable in the outbox."""
        for row in rows:
            self._senders[row.integration].put([row])

    def put_unsaved(self, decisions: Iterable[Decision]) -> None:
        """Queue pages that no database has taken."""
        for decision in decisions:
            self._senders[decision.integration].put_unsaved(decision)

    def owes_marks(self, integration: str) -> bool:
        """Whether an integration has sent what the database does not know yet."""
        sender = self._senders.get(integration)
        return sender is not None and sender.owes_marks

    def load(self) -> None:
        """Queue what the outbox holds, and nothing else."""
        with self._database.read() as connection:
            rows = delivery_log.load_outbox(connection)
        waiting: dict[str, list[OutboxRow]] = {}
        for row in rows:
            waiting.setdefault(row.integration, []).append(row)
        for key in waiting.keys() - self._senders.keys():
            log.warning("%s is gone; its %d messages wait for it", key, len(waiting[key]))
        for key, sender in self._senders.items():
            sender.load(waiting.get(key, []))

    def load_unknown(self) -> None:
        """Queue what another instance has put into the outbox."""
        with self._database.read() as connection:
            rows = delivery_log.load_outbox(connection)
        for row in rows:
            if row.integration in self._senders:
                self._senders[row.integration].put_unknown(row)

    def put_known(self, rows: Iterable[OutboxRow]) -> None:
        """Queue rows of integrations that there are, each once."""
        for row in rows:
            if row.integration in self._senders:
                self._senders[row.integration].put_unknown(row)

    def drop(self) -> None:
        """Queue nothing: another instance sends what the outbox holds."""
        for sender in self._senders.values():
            sender.load([])

    def health(self) -> list[ChannelHealth]:
        """How each integration does."""
        return [sender.health() for sender in self._senders.values()]
