"""Which deploys may have begun a burn: those shortly before its start. Pure functions.

A burn begins with the run of steps that burnt faster than allowed and that holds the step with the
most bad events. A deploy that came up to an hour before that is named, the nearest first; that it
was the cause is for people to say.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from collector.model.deploy import Deploy, Deploys
from slo.history import History
from slo.objective import Objective

BEFORE_MS = 60 * 60_000
"""What was put out longer before rarely shows only now."""
STEPS = 60
"""Into which a stretch is divided to find where a burn began."""


def burn_began_ms(objective: Objective, history: History) -> int | None:
    """The beginning of the first step of the burn; None where nothing burnt."""
    if len(history.times_ms) < 2 or not history.bad.any():
        return None
    step_ms = int(history.times_ms[1] - history.times_ms[0])
    burns = history.bad > history.total * float(objective.allowed)
    first = int(np.argmax(history.bad))
    if not burns[first]:
        return None
    while first > 0 and burns[first - 1]:
        first -= 1
    return int(history.times_ms[first]) - step_ms


def suspects(
    deploys: Deploys, services: Sequence[str], began_ms: int, step_ms: int
) -> list[Deploy]:
    """Deploys of these services near a burn's beginning, known to a step; the nearest first."""
    found = [
        one
        for service in dict.fromkeys(services)
        for one in deploys.between(began_ms - BEFORE_MS, began_ms + step_ms, service)
    ]
    return sorted(found, key=lambda one: abs(one.at_ms - began_ms))
