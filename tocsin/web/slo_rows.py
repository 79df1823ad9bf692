"""Objectives as rows of a table: the one that has least budget left comes first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from dashboards.render.charts import budget_bar
from dashboards.render.svg import to_svg
from slo.verdict import State, Verdict
from tocsin.web import texts

STATE_TONES: dict[State, str] = {
    "ok": "good",
    "burning": "bad",
    "exhausted": "bad",
    "no-data": "",
    "no-traffic": "",
}
FAST, SLOW = "1h", "6h"


@dataclass(frozen=True, slots=True)
class SloRow:
    """One objective as pages show it; `bar` is SVG."""

    name: str
    service: str
    group: str
    href: str
    state: str
    tone: str
    bar: str
    budget_left: str
    sli: str
    objective: str
    burn_fast: str
    burn_slow: str
    exhausted_in: str


def slo_rows(verdicts: Sequence[Verdict]) -> list[SloRow]:
    """What burns first, then by budget left."""
    return [slo_row(verdict) for verdict in sorted(verdicts, key=urgency)]


def slo_row(verdict: Verdict) -> SloRow:
    """One objective's row."""
    objective, budget = verdict.objective, verdict.budget
    return SloRow(
        name=objective.title,
        service=objective.service,
        group=", ".join(f"{name}={value}" for name, value in objective.group),
        href=slo_path(objective.id),
        state=state_text(verdict),
        tone=STATE_TONES[verdict.state],
        bar=to_svg(budget_bar(budget.left_ratio)),
        budget_left=left_text(budget.left_ratio),
        sli=texts.percent(budget.sli_ratio, 3) if budget.total else texts.NOTHING,
        objective=texts.objective(objective.ratio),
        burn_fast=texts.burn(verdict.burn_rates.get(FAST)),
        burn_slow=texts.burn(verdict.burn_rates.get(SLOW)),
        exhausted_in=exhaustion(verdict),
    )


def left_text(left_ratio: float) -> str:
    """What is left of a budget; far overspent, how many budgets were spent."""
    if left_ratio < -1:
        return f"spent {1 - left_ratio:,.0f} times"
    return texts.percent(left_ratio, 1)


def slo_path(identity: str) -> str:
    """The page of an objective; its id is `service/name`."""
    return f"/slos/{quote(identity)}"


def state_text(verdict: Verdict) -> str:
    """The state in words."""
    return verdict.state.replace("-", " ")


def exhaustion(verdict: Verdict) -> str:
    """When the budget ends if nothing changes."""
    seconds = verdict.exhausted_in_seconds
    if seconds is None:
        return texts.NOTHING
    return "spent" if seconds <= 0 else texts.span(seconds)


def urgency(verdict: Verdict) -> tuple[bool, float, str]:
    """Sorts what burns first, then by budget left."""
    burns = verdict.state in ("burning", "exhausted")
    return not burns, verdict.budget.left_ratio, verdict.objective.id
