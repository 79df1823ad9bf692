"""Which past incidents are like one: what was done then may help now. Pure.

Two that share neither the name of an alert nor the service are not alike, whatever else they share;
among the others likeness is the share of their labels that both have (Jaccard's index).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from alerts.on_call.incident import Incident
from collector.model.labels import Labels

TELLING = ("alertname", "service", "slo")
"""One of these labels must be the same."""
MIN_LIKENESS_RATIO = 0.25
MAX_SIMILAR = 5


@dataclass(frozen=True, slots=True)
class Similar:
    """A past incident and how like it is, in (0, 1]."""

    incident: Incident
    likeness_ratio: float


def similar(incident: Incident, past: Iterable[Incident]) -> Sequence[Similar]:
    """The most like of the incidents that came before, the newest first among equals."""
    found = [
        Similar(one, ratio)
        for one in past
        if one.number < incident.number
        and (ratio := likeness_ratio(incident.labels, one.labels)) >= MIN_LIKENESS_RATIO
    ]
    found.sort(key=lambda one: (-one.likeness_ratio, -one.incident.number))
    return found[:MAX_SIMILAR]


def likeness_ratio(one: Labels, other: Labels) -> float:
    """The share of labels that two sets have in common; 0 where no telling one is the same."""
    if not any(one.get(name, "") and one.get(name) == other.get(name) for name in TELLING):
        return 0.0
    mine, theirs = set(one.pairs), set(other.pairs)
    return len(mine & theirs) / len(mine | theirs)
