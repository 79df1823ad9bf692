"""`Ruler`: every group at its time, in threads of its own, so that rules delay nothing else.

One thread keeps time, a few evaluate. A group whose evaluation is still running when the next is
due misses that one, which is counted. A reload replaces groups and keeps their state.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from collector.rules import schedule
from collector.rules.group import GroupRunner, Parts, RuleOptions
from collector.rules.rule import RuleGroup
from collector.rules.state import GroupState

log = logging.getLogger(__name__)

WORKERS = 4
"""Groups that are evaluated at once: queries leave the interpreter to others while they compute."""
LONGEST_WAIT_SECONDS = 1.0
"""How long the timekeeper sleeps at most: a clock that is set is noticed this soon."""


@dataclass(slots=True)
class _Entry:
    runner: GroupRunner
    due_ms: int
    running: Future[None] | None = None

    @property
    def is_running(self) -> bool:
        return self.running is not None and not self.running.done()


class Ruler:
    """Evaluates groups of rules; implements `collector.rules.state.RuleStates`."""

    def __init__(self, groups: Sequence[RuleGroup], options: RuleOptions, parts: Parts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._changed = threading.Event()
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="tocsin-rules")
        self._thread = threading.Thread(target=self._run, name="tocsin-ruler", daemon=True)
        self._entries: dict[str, _Entry] = {}
        self._options = options
        for group in groups:
            self._add(GroupRunner(group, options, parts, restores=True))

    @property
    def options(self) -> RuleOptions:
        """What all groups share now."""
        return self._options

    def groups(self) -> tuple[GroupState, ...]:
        """All groups, sorted by file and name. Safe to call from any thread; never waits."""
        entries = list(self._entries.values())
        states = [entry.runner.state for entry in entries]
        return tuple(sorted(states, key=lambda state: (state.file, state.name)))

    def start(self) -> None:
        """Begin to evaluate; a group's first time comes within its interval."""
        self._thread.start()

    def stop(self) -> None:
        """Let evaluations that run end, and begin no other.

        Nothing is marked stale: after a restart, alerts go on where they were.
        """
        self._stopping.set()
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def evaluate(self, at_ms: int) -> None:
        """Every group once, at one time, in the caller's thread."""
        for entry in list(self._entries.values()):
            entry.runner.evaluate(at_ms)

    def apply(self, groups: Sequence[RuleGroup], options: RuleOptions) -> None:
        """Replace the groups; one that did not change goes on untouched."""
        with self._lock:
            changed = options != self._options
            self._options = options
            wanted = {group.key: group for group in groups}
            gone = [entry.runner for key, entry in self._entries.items() if key not in wanted]
            kept = {key: entry for key, entry in self._entries.items() if key in wanted}
            former, self._entries = kept, {}
            for key, group in wanted.items():
                before = former.get(key)
                if before is not None and before.runner.group == group and not changed:
                    self._entries[key] = before
                else:
                    self._replace(group, before.runner if before else None)
        self._changed.set()
        for runner in gone:
            self._remove(runner)

    def _replace(self, group: RuleGroup, old: GroupRunner | None) -> None:
        runner = GroupRunner(group, self._options, self._parts)
        if old is not None:
            old.close()
            runner.inherit(old)
        self._add(runner)

    def _remove(self, runner: GroupRunner) -> None:
        runner.close()
        runner.end(self._parts.clock.now_ms())
        self._parts.metrics.forget(runner.group.key)

    def _add(self, runner: GroupRunner) -> None:
        now_ms = self._parts.clock.now_ms()
        self._entries[runner.group.key] = _Entry(runner, self._next_ms(runner, now_ms))

    def _next_ms(self, runner: GroupRunner, now_ms: int) -> int:
        group = runner.group
        shift = schedule.offset_ms(group.file, group.name, runner.interval_ms)
        return schedule.next_ms(now_ms, runner.interval_ms, shift)

    # -- time -------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._changed.wait(self._seconds_to_next())
            self._changed.clear()
            if not self._stopping.is_set():
                self.begin_due(self._parts.clock.now_ms())

    def _seconds_to_next(self) -> float | None:
        """None: until there are groups."""
        due_ms = [entry.due_ms for entry in self._entries.values()]
        if not due_ms:
            return None
        seconds = max(min(due_ms) - self._parts.clock.now_ms(), 0) / 1000
        return min(seconds, LONGEST_WAIT_SECONDS)

    def begin_due(self, now_ms: int) -> None:
        """Begin the evaluations whose time has come."""
        with self._lock:
            entries = [entry for entry in self._entries.values() if self._is_due(entry, now_ms)]
        for entry in sorted(entries, key=lambda entry: entry.due_ms):
            self._begin(entry, now_ms)

    def _is_due(self, entry: _Entry, now_ms: int) -> bool:
        if entry.due_ms - now_ms > entry.runner.interval_ms:  # the clock was set back
            entry.due_ms = self._next_ms(entry.runner, now_ms)
        return entry.due_ms <= now_ms

    def _begin(self, entry: _Entry, now_ms: int) -> None:
        runner = entry.runner
        interval_ms = runner.interval_ms
        late = schedule.missed(entry.due_ms, now_ms, interval_ms)
        at_ms = entry.due_ms + late * interval_ms
        missed = late + entry.is_running
        if missed:
            self._parts.metrics.missed.labels(runner.group.key).inc(missed)
        if not entry.is_running:
            entry.running = self._pool.submit(runner.evaluate, at_ms)
        entry.due_ms = at_ms + interval_ms
