"""What an objective is made of and what it is a part of, as rows of its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slo.api_composite import part_of
from slo.verdict import Verdict
from tocsin.web.slo_rows import SloRow, slo_row


@dataclass(frozen=True, slots=True)
class PartsView:
    """`parts` in their order (those with groups by name, in `grouped`), and composites above."""

    text: str
    parts: Sequence[SloRow]
    grouped: Sequence[str]
    part_of: Sequence[SloRow]


def parts_view(verdict: Verdict, verdicts: Sequence[Verdict]) -> PartsView | None:
    """None for an objective that stands alone."""
    by_id = {one.objective.id: one for one in verdicts}
    composite = verdict.objective.composite
    named = [part.id for part in composite.parts] if composite else []
    above = part_of(verdict.objective, (one.objective for one in verdicts))
    if not named and not above:
        return None
    return PartsView(
        text=composite.text if composite else "",
        parts=[slo_row(by_id[id_]) for id_ in named if id_ in by_id],
        grouped=[id_ for id_ in named if id_ not in by_id],
        part_of=[slo_row(by_id[id_]) for id_ in above],
    )
