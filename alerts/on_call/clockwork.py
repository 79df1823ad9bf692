"""What time alone does to an open incident: it escalates, a snooze ends, an acknowledgement lapses.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from alerts.events import EventKind
from alerts.on_call import escalation
from alerts.on_call import incident as acts
from alerts.on_call.incident import NO_PROGRESS, Change, Incident
from alerts.on_call.roster import Reached, Roster
from alerts.on_call.schedule import Override

HELD_MS = 30_000
"""An incident of which nothing fires that may be told does not escalate; it is looked at again."""


def after_time(
    incident: Incident, roster: Roster, overrides: Sequence[Override], speaks: bool, now_ms: int
) -> Change | None:
    """The change that is due, if one is; `speaks`: an alert fires and nothing holds it back."""
    if not incident.next_ms or now_ms < incident.next_ms:
        return None
    if incident.until_ms and now_ms >= incident.until_ms:
        progress = roster.own(incident.labels, incident.severity, now_ms).progress
        return acts.wake(incident, now_ms, progress)
    policy = roster.policies.get(incident.progress.policy)
    if policy is None:
        return Change(replace(incident, progress=NO_PROGRESS), alters=False)
    if not speaks:
        held = replace(incident.progress, due_ms=now_ms + HELD_MS)
        return Change(replace(incident, progress=held), alters=False)
    progress, step = escalation.step(policy, incident.progress, now_ms)
    moved = replace(incident, progress=progress)
    if step is None:
        return Change(moved, alters=False)
    return _escalated(moved, roster.reached(step, now_ms, overrides), now_ms)


def _escalated(incident: Incident, reached: Sequence[Reached], now_ms: int) -> Change:
    receivers = frozenset(one.receiver for one in reached)
    progress = incident.progress
    step = f"step {progress.steps_taken}"
    if progress.rounds_done:
        step += f", round {progress.rounds_done + 1}"
    who = ", ".join(dict.fromkeys(map(_phrase, reached))) or "nobody: nobody is on call"
    text = f"{step}: asked {who}"
    data: dict[str, object] = {
        "policy": progress.policy,
        "step": progress.steps_taken,
        "round": progress.rounds_done + 1,
        "receivers": sorted(receivers),
        "people": sorted({one.person for one in reached if one.person}),
    }
    return acts.told(
        acts.called(incident, receivers, now_ms),
        EventKind.ESCALATED,
        now_ms,
        "tocsin",
        text,
        data,
        speaks=receivers,
    )


def _phrase(one: Reached) -> str:
    if not one.person:
        return one.receiver
    return f"{one.person} (on call in {one.schedule})" if one.schedule else one.person
