"""Every silence: made, changed and ended by people, durable and told of before they hear so.

Beside them stand the occurrences of recurring silences, which only the configuration changes.
"""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from alerts import passing, silence_story, state
from alerts.database import Database
from alerts.events import Event, save_events
from alerts.silence import KEPT_MS, Silence, can_change_in_place, checked, expired
from alerts.silence_policy import SilencePolicy
from alerts.silence_recurring import RecurringSilences, is_recurring
from collector.model.clock import Clock
from collector.model.errors import InputError, LimitError
from collector.model.labels import Labels

MAX_SILENCES = 10_000
"""Kept at once: each alert is held against each of them."""


@dataclass(frozen=True, slots=True)
class SilenceRules:
    """What the configuration says of silences; `firing` gives the labels of what fires now."""

    recurring: RecurringSilences = field(default_factory=RecurringSilences)
    policy: SilencePolicy = field(default_factory=SilencePolicy)
    firing: Callable[[], Iterable[Labels]] = tuple


@dataclass(slots=True)
class _Change:
    """What a transaction makes of silences; `gone` are the ids that it forgets."""

    connection: Connection
    kept: list[Silence] = field(default_factory=list)
    gone: frozenset[str] = frozenset()


class SilenceBook:
    """Silences by id; safe to use from any thread.

    The database's line of writers is entered before the lock: who already writes may come in.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._database = database
        self._clock = clock
        self._new_id = new_id
        self._lock = threading.RLock()
        self._silences: dict[str, Silence] = {}
        self._trace: passing.Trace = ()
        self._rules = SilenceRules()
        self.refresh()

    def apply(self, rules: SilenceRules) -> None:
        """Take a configuration over; silences that are there stay."""
        self._rules = rules

    def refresh(self) -> None:
        """Read again what another instance may have changed."""
        with self._database.read() as connection:
            trace = passing.trace_of_silences(connection)
            if trace != self._trace:
                self._silences = {one.id: one for one in state.load_silences(connection)}
                self._trace = trace

    def all(self) -> list[Silence]:
        """Every silence, also those that ended lately, and the occurrences that hold now."""
        return [*self._silences.values(), *self._rules.recurring.active(self._clock.now_ms())]

    def states(self, now_ms: int) -> Mapping[str, int]:
        """How many are pending, active and expired."""
        return Counter[str](one.state(now_ms) for one in self.all())

    def get(self, silence_id: str) -> Silence | None:
        """One silence."""
        if is_recurring(silence_id):
            return next((one for one in self.all() if one.id == silence_id), None)
        return self._silences.get(silence_id)

    def save(self, wanted: Silence) -> str:
        """Make a silence (id ""), or change one; returns its id, which a change may renew.

        Raises InputError for one that makes no sense or breaks a rule of the policy, KeyError for
        an id that is not known.
        """
        self._refuse_recurring(wanted.id)
        rules = self._rules
        firing = rules.firing() if rules.policy.max_alerts is not None else ()
        with self._changing() as change:
            now_ms = self._clock.now_ms()
            if wanted.ends_at_ms <= now_ms:
                raise InputError("silence invalid: end time can't be in the past")
            checked(wanted)
            old = self._silences[wanted.id] if wanted.id else None
            if old is not None and can_change_in_place(old, wanted, now_ms):
                change.kept = [replace(wanted, updated_at_ms=now_ms)]
            else:
                change.kept = self._anew(old, wanted, now_ms)
            new = change.kept[-1]
            rules.policy.check(new, firing)
            story = silence_story.changed(old, new, now_ms) if old else None
            _write(change, story or silence_story.made(new, now_ms))
            return new.id

    def expire(self, silence_id: str, actor: str = "") -> None:
        """End a silence now; raises KeyError for an unknown id, InputError for one that ended."""
        self._refuse_recurring(silence_id)
        with self._changing() as change:
            now_ms = self._clock.now_ms()
            silence = self._silences[silence_id]
            if silence.state(now_ms) == "expired":
                raise InputError(f"silence {silence_id} already expired")
            change.kept = [expired(silence, now_ms)]
            _write(change, silence_story.ended(change.kept[0], actor, now_ms))

    def forget_old(self) -> None:
        """Let go of silences that ended long ago."""
        limit_ms = self._clock.now_ms() - KEPT_MS
        if all(one.ends_at_ms >= limit_ms for one in self._silences.values()):
            return
        with self._changing() as change:
            kept = self._silences.values()
            change.gone = frozenset(one.id for one in kept if one.ends_at_ms < limit_ms)
            state.delete_silences_ended_before(change.connection, limit_ms)

    def _refuse_recurring(self, silence_id: str) -> None:
        if is_recurring(silence_id):
            raise InputError(
                f"silence {silence_id} is of the configuration: "
                "change alerts.silences.recurring there and reload"
            )

    @contextmanager
    def _changing(self) -> Iterator[_Change]:
        """A transaction on what is known; memory follows when it is durable."""
        with ExitStack() as after:
            with self._database.write() as connection:
                after.enter_context(self._lock)
                if self._database.is_shared:
                    self.refresh()
                change = _Change(connection)
                yield change
            known = {id_: one for id_, one in self._silences.items() if id_ not in change.gone}
            self._silences = {**known, **{one.id: one for one in change.kept}}

    def _anew(self, old: Silence | None, wanted: Silence, now_ms: int) -> list[Silence]:
        if len(self._silences) >= MAX_SILENCES:
            raise LimitError(
                f"{MAX_SILENCES:,} silences are kept already",
                advice="expire some, or match more with one silence",
            )
        start_ms = max(wanted.starts_at_ms, now_ms)
        new = replace(wanted, id=self._new_id(), starts_at_ms=start_ms, updated_at_ms=now_ms)
        ends_old = old is not None and old.state(now_ms) != "expired"
        return [expired(old, now_ms), new] if old is not None and ends_old else [new]


def _write(change: _Change, told: Event) -> None:
    for silence in change.kept:
        state.save_silence(change.connection, silence)
    save_events(change.connection, [told])
