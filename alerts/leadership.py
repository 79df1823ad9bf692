"""Which of the instances that share a database acts: the one that holds a lease in it.

The lease's time is the database's own clock, so instances whose clocks differ agree on it. Each
transaction of the one that acts proves the lease by its epoch and renews it; taking it over needs
the writers' lock, so no such transaction is under way then. A process that was paused, and wakes
when another one acts, can therefore change nothing, and sends nothing: `may_send` is asked right
before each message, and holds for no longer than the lease of the proof before.

A database of one's own (SQLite) has one instance, which always acts.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import BigInteger, Connection, cast, insert, literal_column, select, update

from alerts.database import Database
from alerts.tables import leases
from collector.model.clock import Clock
from collector.model.errors import StorageError

log = logging.getLogger(__name__)

LEASE_SECONDS = 5.0
"""How long an instance acts without a word to the database: another one takes over then."""
RENEW_SECONDS = 1.0
ASK_SECONDS = 0.5
"""How often an instance that does not act asks whether it may."""
NAME = "alerts"
_NOW_MS = cast(literal_column("extract(epoch from clock_timestamp()) * 1000"), BigInteger)


class FencedError(StorageError):
    """Another instance acts: what this one wanted to change is that one's to decide."""


class Leadership:
    """One instance's claim. `epoch` is 0 while it does not act, and another one at each turn."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        instance: str,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        """`instance` names this process and no other, in the database and to people."""
        self.epoch = 0 if database.is_shared else 1
        self.holder = instance
        self._database = database
        self._clock = clock
        self._instance = instance
        self._lease_ms = int(lease_seconds * 1000)
        self._proved_until = 0.0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def acts(self) -> bool:
        """Whether this instance acts, by the database's last word."""
        return self.epoch > 0

    def may_send(self) -> bool:
        """Whether the last proof still holds."""
        return not self._database.is_shared or (
            self.acts and self._clock.monotonic_seconds() < self._proved_until
        )

    def ask(self) -> bool:
        """Renew the lease, or take it when nobody holds it; whether this instance acts now.

        Raises StorageError when the database can't say: the last word holds.
        """
        if not self._database.is_shared:
            return True
        if self.acts:
            with self._database.aside() as connection:
                until = self._renew(connection)
            self.proved(until)
        if not self.acts:
            self._take()
        return self.acts

    def guard(self, connection: Connection) -> float:
        """Prove the lease within a transaction that holds the writers' lock; else FencedError.

        Gives until when (of the monotonic clock) the proof holds once it is durable.
        """
        if not self._database.is_shared:
            return 0.0
        until = self._renew(connection) if self.acts else 0.0
        if not until:
            raise FencedError(f"{self.holder} acts for this database, not this instance")
        return until

    def proved(self, until: float) -> None:
        """A proof is durable."""
        self._proved_until = max(until, self._proved_until)

    def start(self, on_change: Callable[[], None]) -> None:
        """Keep asking, in a thread; `on_change` is called when the answer is another one."""
        if self._database.is_shared:
            self._thread = threading.Thread(
                target=self._run, args=(on_change,), name="tocsin-alerts-lease", daemon=True
            )
            self._thread.start()

    def resign(self) -> None:
        """Ask no more, and let another instance take over at once."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if self._database.is_shared and self.acts:
            mine = (leases.c.name == NAME, leases.c.epoch == self.epoch)
            try:
                with self._database.aside() as connection:
                    connection.execute(update(leases).where(*mine).values(expires_at_ms=0))
            except StorageError as error:
                log.warning("the lease ends by itself: %s", error)
            self.epoch = 0

    def _run(self, on_change: Callable[[], None]) -> None:
        while not self._stopping.wait(RENEW_SECONDS if self.acts else ASK_SECONDS):
            before = self.epoch
            try:
                self.ask()
            except StorageError as error:
                log.debug("the lease can't be asked for: %s", error)
            if self.epoch != before:
                log.info("%s acts for the alerts database", self.holder)
                on_change()

    def _renew(self, connection: Connection) -> float:
        """Until when the lease holds now; 0 when it is another's."""
        asked_at, epoch = self._clock.monotonic_seconds(), self.epoch
        mine = (leases.c.name == NAME, leases.c.epoch == epoch)
        values = {"expires_at_ms": _NOW_MS + self._lease_ms}
        if connection.execute(update(leases).where(*mine).values(**values)).rowcount:
            return asked_at + self._lease_ms / 1000
        if self.epoch == epoch:
            self.epoch = 0
        return 0.0

    def _take(self) -> None:
        asked_at = self._clock.monotonic_seconds()
        with self._database.write() as connection:
            row = connection.execute(
                select(leases, _NOW_MS.label("now_ms")).where(leases.c.name == NAME)
            ).one_or_none()
            is_free = row is None or row.expires_at_ms <= row.now_ms or row.holder == self._instance
            if not is_free:
                self.holder = row.holder if row is not None else ""
                return
            epoch = row.epoch + 1 if row is not None else 1
            values = {
                "holder": self._instance,
                "epoch": epoch,
                "expires_at_ms": _NOW_MS + self._lease_ms,
            }
            if row is None:
                connection.execute(insert(leases).values(name=NAME, **values))
            else:
                connection.execute(update(leases).where(leases.c.name == NAME).values(**values))
        self.holder, self._proved_until = self._instance, asked_at + self._lease_ms / 1000
        self.epoch = epoch


class ActingDatabase:
    """The database, for what only the instance that acts may change."""

    def __init__(self, database: Database, leadership: Leadership) -> None:
        self._database = database
        self._leadership = leadership
        self.read = database.read

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """As `Database.write`; raises FencedError when another instance acts."""
        with self._database.write() as connection:
            until = self._leadership.guard(connection)
            yield connection
        self._leadership.proved(until)

    def may_send(self) -> bool:
        """Whether what this instance proved last still holds."""
        return self._leadership.may_send()

    @property
    def anyone(self) -> Database:
        """The database for what any instance may change."""
        return self._database


def instance_name() -> str:
    """A name for this process that no other has, and that tells people which one it is."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
