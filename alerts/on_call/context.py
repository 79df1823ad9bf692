"""What stood around an incident: the objective, its budget, deploys and anomalies near its start.

Pure, but for what it is given. Kept with the incident, since those who know it forget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from alerts.on_call.incident import Incident
from collector.model.alert import Alert
from collector.model.labels import Labels

BEFORE_MS = 30 * 60_000
AFTER_MS = 10 * 60_000
"""A cause is told of half an hour before to ten minutes after: people write deploys down late."""
MAX_SIGHTS = 20
MAX_SHARES = 10
SHARE_FIELDS = ("label", "value", "bad", "share")


@dataclass(frozen=True, slots=True)
class Sight:
    """Something that was seen near an incident's start: `kind` is `deploy` or `anomaly`."""

    kind: str
    at_ms: int
    title: str
    url: str = ""


class Surroundings(Protocol):
    """Who knows what happened elsewhere."""

    def near(self, labels: Labels, from_ms: int, until_ms: int) -> Sequence[Sight]:
        """What happened in `(from, until]` that may have to do with alerts of these labels."""
        ...


def gathers(incident: Incident, now_ms: int) -> bool:
    """Whether more may be learnt of an incident's surroundings."""
    return incident.is_open and now_ms <= incident.opened_at_ms + 2 * AFTER_MS


def budget_facts(alerts: Sequence[Alert], before: Mapping[str, Any]) -> dict[str, Any]:
    """What the worst objective's alert says of its budget now, and what it said first."""
    known = [one for one in alerts if isinstance(_left(one), int | float)]
    if not known:
        return dict(before)
    worst = min(known, key=lambda one: float(_left(one)))
    evidence, left = worst.evidence, float(_left(worst))
    first_ratio = float(before.get("budget_left_first_ratio", left))
    shares = evidence.get("attribution")
    return {
        "slo": str(evidence.get("slo", "")),
        "service": str(evidence.get("service", "")),
        "objective_ratio": evidence.get("objective"),
        "burn_rate": evidence.get("burn_rate"),
        "budget_left_first_ratio": first_ratio,
        "budget_left_ratio": left,
        "budget_burnt_ratio": max(first_ratio - left, 0.0),
        "exhausted_in_seconds": evidence.get("exhausted_in_seconds"),
        "attribution": _shares(shares) or before.get("attribution", []),
    }


def surroundings_of(incident: Incident, around: Surroundings) -> list[dict[str, Any]]:
    """The sights near an incident's start, as JSON has them, those before it first."""
    start_ms = incident.opened_at_ms
    sights = around.near(incident.labels, start_ms - BEFORE_MS, start_ms + AFTER_MS)
    nearest = sorted(sights, key=lambda one: abs(one.at_ms - start_ms))[:MAX_SIGHTS]
    return [asdict(one) for one in sorted(nearest, key=lambda one: one.at_ms)]


def _left(alert: Alert) -> Any:
    return alert.evidence.get("budget_left_ratio")


def _shares(found: object) -> list[dict[str, Any]]:
    """Attribution as judges give it; anything else is left out."""
    entries = found if isinstance(found, list | tuple) else ()
    return [
        {name: one.get(name) for name in SHARE_FIELDS}
        for one in entries[:MAX_SHARES]
        if isinstance(one, Mapping)
    ]
