"""Signs of life that others give: `HeartbeatMissed` fires when one stays away.

The last of each is durable before it is answered, so a restart neither forgets one that came nor
waits anew for one that is late. A heartbeat that never came counts from when it was first expected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from alerts.database import Database, upsert
from alerts.on_call import tables
from alerts.on_call.config import HeartbeatConfig
from collector.model.alert import Alert, AlertSink
from collector.model.clock import Clock
from collector.model.durations import format_duration
from collector.model.labels import Labels

ALERT_NAME = "HeartbeatMissed"
NEVER = ""
MAX_SENDER_CHARS = 200


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One sign of life: when it came last (from `sender`; "" for never), and until when it holds.

    Times are milliseconds since 1970.
    """

    name: str
    interval_ms: int
    last_ms: int
    sender: str
    due_ms: int

    def is_missing(self, now_ms: int) -> bool:
        """Whether it has stayed away for too long."""
        return now_ms > self.due_ms


class Heartbeats:
    """Safe to call from any thread; `configs` are those that are expected now."""

    def __init__(
        self,
        configs: Callable[[], Sequence[HeartbeatConfig]],
        database: Database,
        clock: Clock,
        sink: AlertSink,
    ) -> None:
        self._configs = configs
        self._database = database
        self._clock = clock
        self._sink = sink

    def beat(self, name: str, sender: str) -> Heartbeat:
        """One came; durable when this returns. Raises KeyError for one that nobody expects."""
        config = {one.name: one for one in self._configs()}[name]
        now_ms = self._clock.now_ms()
        row = {"name": name, "last_ms": now_ms, "sender": sender[:MAX_SENDER_CHARS] or "somebody"}
        with self._database.write() as connection:
            before = _load(connection).get(name)
            upsert(connection, tables.heartbeats, [row], ("name",))
        if before is not None and _state(config, before).is_missing(now_ms):
            self._sink.emit([_alert(config, _state(config, before), now_ms)])
        return _state(config, (now_ms, str(row["sender"])))

    def states(self) -> list[Heartbeat]:
        """Every one that is expected; one that was never heard of is expected from now on."""
        now_ms = self._clock.now_ms()
        with self._database.read() as connection:
            known = _load(connection)
        return [_state(one, known.get(one.name, (now_ms, NEVER))) for one in self._configs()]

    def tick(self, now_ms: int) -> None:
        """Tell of those that stay away; called every few seconds."""
        configs = self._configs()
        if not configs:
            return
        with self._database.read() as connection:
            known = _load(connection)
        new = [one.name for one in configs if one.name not in known]
        if new or known.keys() - {one.name for one in configs}:
            known = self._expect([one.name for one in configs], now_ms)
        states = [(one, _state(one, known[one.name])) for one in configs]
        missing = [_alert(one, state) for one, state in states if state.is_missing(now_ms)]
        if missing:
            self._sink.emit(missing)

    def _expect(self, names: Sequence[str], now_ms: int) -> dict[str, tuple[int, str]]:
        """Begin to wait for those that are new, and forget those that nobody expects any more."""
        table = tables.heartbeats
        with self._database.write() as connection:
            known = _load(connection)
            rows = [
                {"name": name, "last_ms": now_ms, "sender": NEVER}
                for name in names
                if name not in known
            ]
            upsert(connection, table, rows, ("name",))
            connection.execute(delete(table).where(table.c.name.not_in(names)))
            return _load(connection)


def _load(connection: Connection) -> dict[str, tuple[int, str]]:
    table = tables.heartbeats
    rows = connection.execute(select(table.c.name, table.c.last_ms, table.c.sender))
    return {name: (last_ms, sender) for name, last_ms, sender in rows}


def _state(config: HeartbeatConfig, known: tuple[int, str]) -> Heartbeat:
    last_ms, sender = known
    due_ms = last_ms + config.interval + config.grace
    return Heartbeat(config.name, config.interval, last_ms, sender, due_ms)


def _alert(config: HeartbeatConfig, state: Heartbeat, ends_at_ms: int | None = None) -> Alert:
    fixed = {"alertname": ALERT_NAME, "heartbeat": config.name}
    every = format_duration(config.interval)
    annotations = {
        "summary": f"the heartbeat {config.name} stays away",
        "description": f"It is expected every {every}, and was due by now.",
    }
    return Alert(
        Labels({"severity": "critical", **config.labels, **fixed}),
        {**annotations, **config.annotations},
        state.due_ms,
        ends_at_ms,
    )
