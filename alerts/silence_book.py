"""Every silence that is kept: made, changed and ended by people, durable before they hear so."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from alerts import passing, state
from alerts.database import Database
from alerts.silence import KEPT_MS, Silence, can_change_in_place, checked, expired
from collector.model.clock import Clock
from collector.model.errors import InputError, LimitError

MAX_SILENCES = 10_000
"""Kept at once: each alert is held against each of them."""


class SilenceBook:
    """Silences by id; safe to use from any thread."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._database = database
        self._clock = clock
        self._new_id = new_id
        self._lock = threading.Lock()
        self._silences: dict[str, Silence] = {}
        self._trace: passing.Trace = ()
        self.refresh()

    def refresh(self) -> None:
        """Read again what another instance may have changed."""
        with self._database.read() as connection:
            trace = passing.trace_of_silences(connection)
            if trace != self._trace:
                self._silences = {one.id: one for one in state.load_silences(connection)}
                self._trace = trace

    def all(self) -> list[Silence]:
        """Every silence, also those that ended lately."""
        return list(self._silences.values())

    def states(self, now_ms: int) -> Mapping[str, int]:
        """How many are pending, active and expired."""
        return Counter[str](one.state(now_ms) for one in self._silences.values())

    def get(self, silence_id: str) -> Silence | None:
        """One silence."""
        return self._silences.get(silence_id)

    def save(self, wanted: Silence) -> str:
        """Make a silence (id ""), or change one; returns its id, which a change may renew.

        Raises InputError for one that makes no sense, KeyError for an id that is not known.
        """
        with self._lock:
            now_ms = self._clock.now_ms()
            if wanted.ends_at_ms <= now_ms:
                raise InputError("silence invalid: end time can't be in the past")
            checked(wanted)
            self._catch_up()
            old = self._silences[wanted.id] if wanted.id else None
            if old is not None and can_change_in_place(old, wanted, now_ms):
                changed = [replace(wanted, updated_at_ms=now_ms)]
            else:
                changed = self._anew(old, wanted, now_ms)
            self._write(changed)
            return changed[-1].id

    def expire(self, silence_id: str) -> None:
        """End a silence now; raises KeyError for an unknown id, InputError for one that ended."""
        with self._lock:
            now_ms = self._clock.now_ms()
            self._catch_up()
            silence = self._silences[silence_id]
            if silence.state(now_ms) == "expired":
                raise InputError(f"silence {silence_id} already expired")
            self._write([expired(silence, now_ms)])

    def forget_old(self) -> None:
        """Let go of silences that ended long ago."""
        with self._lock:
            limit_ms = self._clock.now_ms() - KEPT_MS
            old = [one.id for one in self._silences.values() if one.ends_at_ms < limit_ms]
            if not old:
                return
            with self._database.write() as connection:
                state.delete_silences_ended_before(connection, limit_ms)
            self._silences = {i: one for i, one in self._silences.items() if i not in old}

    def _catch_up(self) -> None:
        if self._database.is_shared:
            self.refresh()

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

    def _write(self, silences: list[Silence]) -> None:
        with self._database.write() as connection:
            for silence in silences:
                state.save_silence(connection, silence)
        self._silences = {**self._silences, **{one.id: one for one in silences}}
