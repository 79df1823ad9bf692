"""Whom to ask next and when, while nobody acknowledges: a pure step function.

A policy's steps follow one another, each `after_ms` after the one before; when all were taken it
begins again after `repeat_after_ms`, `repeat` times at most. Time that passed while nothing ran
is not made up for: one step is taken, and the next is as far away as it ever was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.on_call.incident import NEVER_MS, NO_PROGRESS, Progress
from alerts.on_call.severity import Severity
from collector.model.matchers import Matcher


@dataclass(frozen=True, slots=True)
class Step:
    """Whom one step asks: receivers, people, and whoever is on call in some schedules."""

    after_ms: int
    receivers: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """The steps for incidents of some severities, and how long an acknowledgement holds.

    `matchers`: for incidents of no team whose labels match (none: for no such incident).
    """

    name: str
    steps: Sequence[Step]
    repeat: int = 0
    repeat_after_ms: int = 0
    acknowledge_timeout_ms: int = 0
    severities: frozenset[Severity] = frozenset(("critical",))
    matchers: tuple[Matcher, ...] = ()


def begin(policy: Policy | None, now_ms: int) -> Progress:
    """The progress of an incident that begins now."""
    if policy is None or not policy.steps:
        return NO_PROGRESS
    return Progress(policy.name, due_ms=now_ms + policy.steps[0].after_ms)


def step(policy: Policy, progress: Progress, now_ms: int) -> tuple[Progress, Step | None]:
    """The progress from now on, and the step that is taken now, if one is due."""
    if not progress.due_ms or now_ms < progress.due_ms:
        return progress, None
    if progress.steps_taken >= len(policy.steps):
        if progress.rounds_done >= policy.repeat or not policy.steps:
            return _at(progress, progress.steps_taken, progress.rounds_done, NEVER_MS), None
        taken, rounds = 0, progress.rounds_done + 1
    else:
        taken, rounds = progress.steps_taken, progress.rounds_done
    return _at(progress, taken + 1, rounds, _next_ms(policy, taken + 1, rounds, now_ms)), (
        policy.steps[taken]
    )


def _next_ms(policy: Policy, taken: int, rounds: int, now_ms: int) -> int:
    """When the step after `taken` steps of a round comes."""
    if taken < len(policy.steps):
        return now_ms + policy.steps[taken].after_ms
    return now_ms + policy.repeat_after_ms if rounds < policy.repeat else NEVER_MS


def _at(progress: Progress, taken: int, rounds: int, due_ms: int) -> Progress:
    return Progress(progress.policy, taken, rounds, due_ms)
