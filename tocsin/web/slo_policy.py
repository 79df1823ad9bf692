"""The steps of an error-budget policy as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slo.policy import PolicyStep


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One step; `since_ms` is when it came into force, None if it is not."""

    left: str
    text: str
    state: str
    tone: str
    since_ms: int | None


def policy_rows(policy: Sequence[PolicyStep], since_ms: Mapping[str, int]) -> list[PolicyRow]:
    """Rows of all steps, by when those in force began."""
    return [
        PolicyRow(
            left=step.percent,
            text=step.text,
            state="in force" if step.percent in since_ms else "not yet",
            tone="warn" if step.percent in since_ms else "good",
            since_ms=since_ms.get(step.percent),
        )
        for step in policy
    ]
