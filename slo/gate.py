"""May this service be changed now? The question that a deployment pipeline asks.

A gate is shut while an objective of the service pages, has no budget left, or has so little that
its policy freezes changes. It opens again as soon as none is true; the reasons say what shuts it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from slo.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether a service may be changed, and what speaks against it."""

    service: str
    is_open: bool
    reasons: tuple[str, ...]


def gate_of(service: str, verdicts: Iterable[Verdict]) -> Gate | None:
    """The gate of a service; None when it has no objective."""
    mine = [one for one in verdicts if one.objective.service == service]
    if not mine:
        return None
    reasons = [reason for one in mine for reason in _reasons(one)]
    return Gate(service, not reasons, tuple(reasons))


def _reasons(verdict: Verdict) -> Iterable[str]:
    left = (verdict.period or verdict.budget).left_ratio
    frozen = [step for step in verdict.objective.policy if step.freeze and left <= step.left_ratio]
    if frozen and left > 0:
        yield (
            f"{verdict.objective.title}: its policy freezes changes at {frozen[0].percent} of the "
            f"budget ({left:.1%} left)"
        )
    if left <= 0:
        window = verdict.objective.window.phrase
        yield f"{verdict.objective.title}: the budget of {window} is spent ({left:.1%} left)"
    if "page" in verdict.firing_since_ms:
        burning = [one.long_rate for one in verdict.tiers if one.is_burning]
        rate = f", burning {max(burning):.3g}x faster than allowed" if burning else ""
        yield f"{verdict.objective.title}: it pages{rate}"
