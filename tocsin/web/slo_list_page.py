"""All objectives, least budget first; the groups of one objective stand together below it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args
from urllib.parse import urlencode

from slo.gate import Gate, gate_of
from slo.verdict import State, Verdict
from tocsin.web.slo_rows import SloRow, slo_row, urgency

OBJECTIVES_SHOWN = 300
"""Objectives on one page; the filters lead to the others."""
GROUPS_SHOWN = 100
"""Groups below one objective, the worst of them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One objective: its own row, or that of its worst group with `groups` of `group_count`."""

    row: SloRow
    name: str
    anchor: str
    groups: Sequence[SloRow] = ()
    group_count: int = 0
    group_summary: str = ""

    @property
    def more(self) -> int:
        """Groups that are not shown."""
        return self.group_count - len(self.groups)


def slo_list_view(verdicts: Sequence[Verdict], service: str, state: str) -> Mapping[str, object]:
    """The values of `slos.html`; an empty filter lets all through."""
    mine = [one for one in verdicts if service in ("", one.objective.service)]
    found = [one for one in mine if state in ("", one.state)]
    families = _families(found)
    return {
        "entries": [_entry(members, at) for at, members in enumerate(families[:OBJECTIVES_SHOWN])],
        "more": max(0, len(families) - OBJECTIVES_SHOWN),
        "services": sorted({one.objective.service for one in verdicts}),
        "service": service,
        "states": _states(mine, service),
        "state": state,
        "all_href": _href(service, ""),
        "count": len(mine),
        "gate": _gate(service, mine),
        "known": bool(verdicts),
    }


def _states(verdicts: Sequence[Verdict], service: str) -> list[tuple[str, str, int, str]]:
    """Name, text, count and link of each state that occurs."""
    counts = Counter(one.state for one in verdicts)
    return [
        (name, name.replace("-", " "), counts[name], _href(service, name))
        for name in get_args(State)
        if counts[name]
    ]


def _gate(service: str, verdicts: Sequence[Verdict]) -> Gate | None:
    return gate_of(service, verdicts) if service else None


def _href(service: str, state: str) -> str:
    fields = {name: text for name, text in (("service", service), ("state", state)) if text}
    return "/slos?" + urlencode(fields) if fields else "/slos"


def _families(verdicts: Sequence[Verdict]) -> list[list[Verdict]]:
    """Verdicts of the same objective together; worst first inside and outside."""
    families: dict[tuple[str, str], list[Verdict]] = {}
    for one in sorted(verdicts, key=urgency):
        families.setdefault((one.objective.service, one.objective.name), []).append(one)
    return list(families.values())


def _entry(members: Sequence[Verdict], number: int) -> Entry:
    worst = members[0]
    row, anchor = slo_row(worst), f"objective-{number}"
    if not worst.objective.group:
        return Entry(row, worst.objective.name, anchor)
    counts = Counter(one.state for one in members)
    return Entry(
        row=row,
        name=worst.objective.name,
        anchor=f"groups-{worst.objective.service}-{worst.objective.name}",
        groups=[slo_row(one) for one in members[:GROUPS_SHOWN]],
        group_count=len(members),
        group_summary=", ".join(f"{n} {name.replace('-', ' ')}" for name, n in counts.items()),
    )
