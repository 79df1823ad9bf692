"""PagerDuty's webhooks, version 3: what was done to an incident there is done here.

Acknowledged here by tocsin's own event, PagerDuty tells us of it too: doing again what is done
changes nothing, so no echo goes round.
Source: https://developer.pagerduty.com/docs/webhooks-overview
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from alerts.on_call.interface import IncidentDesk
from collector.model.errors import InputError

MAX_NAME = 60
ACTS = {
    "incident.acknowledged": "acknowledge",
    "incident.unacknowledged": "unacknowledge",
    "incident.resolved": "resolve",
    "incident.annotated": "comment",
}
"""Events that mean something here; others are taken and let be."""


@dataclass(frozen=True, slots=True)
class PagerdutyAct:
    """What somebody did there: `act` of ACTS, on the alert group with this `dedup_key`."""

    act: str
    dedup_key: str
    actor: str
    text: str
    by_a_person: bool


def read_act(body: object) -> PagerdutyAct | None:
    """The act in a webhook's body; None for events of no meaning here, such as its test ping."""
    event = body.get("event") if isinstance(body, Mapping) else None
    if not isinstance(event, Mapping):
        raise InputError("no event in the webhook's body")
    act = ACTS.get(str(event.get("event_type")))
    data = event.get("data")
    if act is None or not isinstance(data, Mapping):
        return None
    incident = data.get("incident") if act == "comment" else data
    key = _key(incident)
    if not key:
        return None
    agent = event.get("agent")
    return PagerdutyAct(act, key, _actor(agent), str(data.get("content") or ""), _is_person(agent))


def do_act(act: PagerdutyAct, desk: IncidentDesk, group_of: Callable[[str], str | None]) -> int:
    """Do it at the desk; gives the incident's number, 0 where it is not one of ours or is over.

    What no person did is our own event coming back, and is left alone.
    """
    group_key = group_of(act.dedup_key)
    number = desk.by_group(group_key) if group_key else 0
    if not number or not act.by_a_person:
        return number
    if act.act == "acknowledge":
        desk.acknowledge(number, act.actor)
    elif act.act == "unacknowledge":
        desk.unacknowledge(number, act.actor)
    elif act.act == "resolve":
        desk.resolve(number, act.actor)
    elif act.text.strip():
        desk.comment(number, act.text, act.actor)
    return number


def _key(incident: object) -> str:
    if not isinstance(incident, Mapping):
        return ""
    key = incident.get("incident_key")
    return key if isinstance(key, str) else ""


def _is_person(agent: object) -> bool:
    return isinstance(agent, Mapping) and str(agent.get("type", "")).startswith("user")


def _actor(agent: object) -> str:
    name = agent.get("summary") if isinstance(agent, Mapping) else None
    return f"pagerduty:{name}"[:MAX_NAME] if isinstance(name, str) and name else "pagerduty"
