"""When a group of alerts speaks: group_wait, then every group_interval, as a pure step function.

A group waits `wait_ms` from its first alert on (an alert that began longer ago does not wait), is
then asked every `interval_ms`, and ends when nothing is left in it. Source: Alertmanager's
dispatch/dispatch.go. Whether the question ends in a message is `alerts.dedup`'s to decide.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timers:
    """group_wait, group_interval and repeat_interval in milliseconds."""

    wait_ms: int
    interval_ms: int
    repeat_ms: int


@dataclass(frozen=True, slots=True)
class GroupState:
    """When the group is asked next, and whether it ever was."""

    next_flush_ms: int
    flushed: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """What a step gave: the state from now on, and whether the group is asked now."""

    state: GroupState
    flush: bool


def opened(timers: Timers, now_ms: int) -> GroupState:
    """The state of a group that got its first alert now."""
    return GroupState(now_ms + timers.wait_ms)


def joined(state: GroupState, timers: Timers, starts_at_ms: int, now_ms: int) -> GroupState:
    """The state after an alert came in that began at `starts_at_ms`: if it waited, wait no more."""
    if not state.flushed and starts_at_ms + timers.wait_ms < now_ms:
        return GroupState(min(state.next_flush_ms, now_ms))
    return state


def step(state: GroupState, timers: Timers, now_ms: int) -> Step:
    """Whether the group is due, and when it is asked again after that."""
    if now_ms < state.next_flush_ms:
        return Step(state, flush=False)
    return Step(GroupState(now_ms + timers.interval_ms, flushed=True), flush=True)


def resumed(state: GroupState, timers: Timers, now_ms: int) -> GroupState:
    """The state after a restart: intervals that passed in between are skipped, phases are kept."""
    missed = now_ms - state.next_flush_ms
    if not state.flushed or missed <= 0:
        return state
    intervals = -(-missed // timers.interval_ms)
    return GroupState(state.next_flush_ms + intervals * timers.interval_ms, flushed=True)
