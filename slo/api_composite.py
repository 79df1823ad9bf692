"""The JSON of what an objective is made of, and of which composites it is a part."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel

from slo.objective import Objective
from slo.verdict import Verdict
from slo.window import window_text


class PartBody(BaseModel):
    """One part; its state and budget are null where it has groups, each with its own."""

    id: str
    weight: int
    state: str | None
    left_ratio: float | None


class CompositeBody(BaseModel):
    """How an objective is made of others; `slice` is null where it counts events."""

    combination: str
    text: str
    slice: str | None
    parts: list[PartBody]

    @classmethod
    def of(cls, objective: Objective, verdicts: Iterable[Verdict]) -> CompositeBody | None:
        """The body of an objective's composite; None for one that is made of no others."""
        composite = objective.composite
        if composite is None:
            return None
        by_id = {one.objective.id: one for one in verdicts}
        found = [(part, by_id.get(part.id)) for part in composite.parts]
        return cls(
            combination=composite.combination,
            text=composite.text,
            slice=window_text(composite.slices.slice_ms) if composite.slices else None,
            parts=[
                PartBody(
                    id=part.id,
                    weight=part.weight,
                    state=one.state if one else None,
                    left_ratio=(one.period or one.budget).left_ratio if one else None,
                )
                for part, one in found
            ],
        )


def part_of(objective: Objective, objectives: Iterable[Objective]) -> list[str]:
    """The composites that an objective is a part of."""
    mine = {objective.id, f"{objective.service}/{objective.name}"}
    return [
        one.id
        for one in objectives
        if one.composite and any(part.id in mine for part in one.composite.parts)
    ]
